"""The service's judgement of a device's configuration, kept with its history."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from fleet.domain import compliance as rules
from fleet.domain.events import Change
from fleet.domain.words import AlertKind, ComplianceState
from fleet.services import alerts, transitions
from fleet.store.configuration import Configuration
from fleet.store.profile import ProfileVersion

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_AS_FAR_AS_IT_CAN = (ComplianceState.COMPLIANT, ComplianceState.UNSUPPORTED)
"""From here on, a difference is drift."""


def judge_again(session: Session, configuration: Configuration, now: datetime) -> ComplianceState:
    """Judge, record a change of the word, and hold the alert open or close it."""
    judgement = rules.judge(_desired(session, configuration), _reported(configuration), now)
    if judgement.state in _AS_FAR_AS_IT_CAN:
        configuration.compliant_generation = configuration.generation
    if judgement.state != configuration.compliance:
        change = Change("compliance", configuration.compliance, judgement.state, judgement.reason)
        transitions.record(session, [(configuration.device_pk, change)], now)
        configuration.compliance = judgement.state
        configuration.compliance_since = now
    configuration.compliance_reason = transitions.shortened(judgement.reason)
    configuration.judge_after = judgement.judge_after
    _hold_alert(session, configuration, judgement, now)
    return judgement.state


def _hold_alert(
    session: Session, configuration: Configuration, judgement: rules.Judgement, now: datetime
) -> None:
    """A device that has merely fallen silent is no better than it was: its alert stands."""
    silent = judgement.state == ComplianceState.UNKNOWN
    if silent and configuration.profile_version_id is not None:
        return
    due = {}
    if judgement.state == ComplianceState.NONCOMPLIANT:
        due[AlertKind.NONCOMPLIANT] = judgement.reason or ""
    governed = frozenset({AlertKind.NONCOMPLIANT})
    alerts.reconcile(session, {configuration.device_pk: due}, governed, now)


def _desired(session: Session, configuration: Configuration) -> rules.Desired | None:
    if configuration.profile_version_id is None or configuration.desired_at is None:
        return None
    version = session.get_one(ProfileVersion, configuration.profile_version_id)
    return rules.Desired(
        generation=configuration.generation,
        sha256=version.sha256,
        desired_at=max(configuration.desired_at, configuration.reporting_since or _EVER),
        document=version.document,
        compliant_generation=configuration.compliant_generation,
    )


def _reported(configuration: Configuration) -> rules.Reported | None:
    if configuration.reported_at is None:
        return None
    return rules.Reported(
        generation=configuration.reported_generation or 0,
        sha256=configuration.reported_sha256 or "",
        reported_at=configuration.reported_at,
        items=tuple(configuration.reported_items),
    )
