"""Devices say what configuration they have. Part of the ingest batch's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.compliance import REPAIR_PAUSE, REPORT_MAX_AGE
from fleet.domain.words import AlertKind, ComplianceState
from fleet.services import alerts, desired_state
from fleet.services.compliance import GOVERNED, Due, judge_again
from fleet.store.configuration import Configuration
from fleet.store.driver import among
from fleet.store.profile import ProfileVersion


@dataclass(frozen=True, slots=True)
class Report:
    """(`boot`, `seq`) orders the reports of a device; `items` as on the wire."""

    device_id: str
    boot: int
    seq: int
    generation: int
    sha256: str
    items: list[dict[str, Any]]
    applied_at: datetime | None
    received_at: datetime


def receive_reports(session: Session, reports: Sequence[tuple[int, Report]], now: datetime) -> None:
    """Part of a transaction: (device primary key, report) each, in the order of their arrival.

    All that is known of these devices is read at once: after a power cut everybody reports.
    """
    if not reports:
        return
    known, _versions = _known(session, sorted({pk for pk, _ in reports}))
    due: dict[int, dict[AlertKind, str]] = {}
    for pk, report in reports:
        _receive(session, known[pk], report, now, due)
    alerts.reconcile(session, due, GOVERNED, now)


def _known(
    session: Session, device_pks: Sequence[int]
) -> tuple[dict[int, Configuration], Sequence[ProfileVersion]]:
    """Their configurations, locked, and the profile versions, which the session then has."""
    query = (
        select(Configuration)
        .where(among(session, Configuration.device_pk, device_pks))
        .order_by(Configuration.device_pk)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    known = {each.device_pk: each for each in session.scalars(query)}
    used = {each.profile_version_id for each in known.values() if each.profile_version_id}
    versions = session.scalars(select(ProfileVersion).where(ProfileVersion.id.in_(used))).all()
    return known, versions


def _receive(
    session: Session, configuration: Configuration, report: Report, now: datetime, due: Due
) -> None:
    """Take the report unless a newer one is known, judge, and put right what can be.

    A device that missed a generation hears it again; one that drifted gets the next generation.
    """
    if (report.boot, report.seq) <= (configuration.reported_boot, configuration.reported_seq):
        return
    if _was_silent(configuration, report.received_at):
        configuration.reporting_since = report.received_at
    configuration.reported_boot = report.boot
    configuration.reported_seq = report.seq
    configuration.reported_generation = report.generation
    configuration.reported_sha256 = report.sha256
    configuration.reported_items = report.items
    configuration.applied_at = report.applied_at
    configuration.reported_at = report.received_at
    judge_again(session, configuration, now, due)
    if put_right(session, configuration, report.device_id, now):
        return
    if configuration.profile_version_id is not None:
        ahead = report.generation - configuration.generation
        if 0 < ahead < desired_state.BELIEVABLE_LEAD:
            desired_state.next_generation(session, configuration, report.device_id, now)
        elif ahead != 0:
            desired_state.send(session, configuration, report.device_id, now)


def put_right(
    session: Session, configuration: Configuration, device_id: str, now: datetime
) -> bool:
    """Part of a transaction: a device that has drifted gets the next generation, if it is time."""
    if configuration.compliance != ComplianceState.DRIFTED:
        return False
    if configuration.repaired_at is not None:
        next_repair = configuration.repaired_at + REPAIR_PAUSE
        if now < next_repair:
            configuration.judge_after = min(next_repair, configuration.judge_after or next_repair)
            return False
    configuration.repairs += 1
    configuration.repaired_at = now
    desired_state.next_generation(session, configuration, device_id, now)
    return True


def _was_silent(configuration: Configuration, received_at: datetime) -> bool:
    before = configuration.reported_at
    return before is None or received_at - before >= REPORT_MAX_AGE
