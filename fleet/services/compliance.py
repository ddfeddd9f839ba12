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


GOVERNED = frozenset({AlertKind.NONCOMPLIANT})
Due = dict[int, dict[AlertKind, str]]
"""By device (its primary key): the alerts of these kinds that should stand."""


def judge_again(
    session: Session, configuration: Configuration, now: datetime, due: Due | None = None
) -> ComplianceState:
    """Judge, record a change of the word, and hold the alert open or close it.

    Where `due` is given, the alert is noted in it, for the caller to hold many at once.
    """
    judgement = rules.judge(_desired(session, configuration), _reported(configuration), now)
    if judgement.state in _AS_FAR_AS_IT_CAN:
        configuration.compliant_generation = configuration.generation
    if judgement.state != configuration.compliance:
        change = Change("compliance", configuration.compliance, judgement.state, judgement.reason)
        transitions.record_last(session, configuration.device_pk, change, now)
        configuration.compliance = judgement.state
        configuration.compliance_since = now
    configuration.compliance_reason = transitions.shortened(judgement.reason)
    configuration.judge_after = judgement.judge_after
    noted: Due = {} if due is None else due
    _note_alert(configuration, judgement, noted)
    if due is None:
        alerts.reconcile(session, noted, GOVERNED, now)
    return judgement.state


def _note_alert(configuration: Configuration, judgement: rules.Judgement, due: Due) -> None:
    """A device that has merely fallen silent is no better than it was: its alert stands."""
    silent = judgement.state == ComplianceState.UNKNOWN
    if silent and configuration.profile_version_id is not None:
        return
    is_bad = judgement.state == ComplianceState.NONCOMPLIANT
    due[configuration.device_pk] = (
        {AlertKind.NONCOMPLIANT: judgement.reason or ""} if is_bad else {}
    )


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
