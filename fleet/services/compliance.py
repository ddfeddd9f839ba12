"""The service's judgement of a device's configuration, kept with its history."""

from datetime import datetime

from sqlalchemy.orm import Session

from fleet.domain import compliance as rules
from fleet.domain.words import AlertKind, ComplianceState
from fleet.services import alerts
from fleet.store.alert import Transition
from fleet.store.configuration import Configuration
from fleet.store.profile import ProfileVersion


def judge_again(session: Session, configuration: Configuration, now: datetime) -> ComplianceState:
    """Judge, record a change of the word, and hold the alert open or close it."""
    judgement = rules.judge(_desired(session, configuration), _reported(configuration), now)
    if judgement.state == ComplianceState.COMPLIANT:
        configuration.compliant_generation = configuration.generation
    if judgement.state != configuration.compliance:
        session.add(
            Transition(
                device_pk=configuration.device_pk,
                at=now,
                aspect="compliance",
                old=configuration.compliance,
                new=judgement.state,
                detail=judgement.reason,
            )
        )
        configuration.compliance = judgement.state
        configuration.compliance_since = now
    configuration.compliance_reason = judgement.reason
    configuration.judge_after = judgement.judge_after
    due = {}
    if judgement.state == ComplianceState.NONCOMPLIANT:
        due[AlertKind.NONCOMPLIANT] = judgement.reason or ""
    alerts.reconcile(
        session, {configuration.device_pk: due}, frozenset({AlertKind.NONCOMPLIANT}), now
    )
    return judgement.state


def _desired(session: Session, configuration: Configuration) -> rules.Desired | None:
    if configuration.profile_version_id is None or configuration.desired_at is None:
        return None
    version = session.get_one(ProfileVersion, configuration.profile_version_id)
    return rules.Desired(
        generation=configuration.generation,
        sha256=version.sha256,
        desired_at=configuration.desired_at,
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
