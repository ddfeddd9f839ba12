"""A device says what configuration it has. Part of the ingest batch's transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from fleet.domain.compliance import REPAIR_PAUSE, REPORT_MAX_AGE
from fleet.domain.words import ComplianceState
from fleet.services import desired_state
from fleet.services.compliance import judge_again
from fleet.store.configuration import Configuration


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


def receive_report(session: Session, device_pk: int, report: Report, now: datetime) -> None:
    """Take the report unless a newer one is known, judge, and put right what can be.

    A device that missed a generation hears it again; one that drifted gets the next generation.
    """
    configuration = session.get_one(Configuration, device_pk, with_for_update=True)
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
    judge_again(session, configuration, now)
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
