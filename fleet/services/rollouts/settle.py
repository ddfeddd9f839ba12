"""How devices at work have ended, by what they report themselves."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.orm import Session

from fleet.domain.rollout.job import End, Sight, end_of
from fleet.domain.rollout.words import AT_WORK, LIVE, JobState, Target
from fleet.domain.words import ComplianceState, Lifecycle
from fleet.services.rollouts.stored import version_id
from fleet.services.transitions import shortened
from fleet.store.configuration import Configuration
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.driver import BulkUpdate
from fleet.store.rollout import IS_AT_WORK, Rollout, RolloutDevice

_END = BulkUpdate(RolloutDevice, "id", (), ("state", "reason", "ended_at"))


def settle(now: datetime) -> int:
    """Every device at work that has come to its end, whatever its rollout is about by now.

    Returns how many. Who left management is sent home from the queue as well.
    """
    with transaction() as session:
        targets = _targets(session)
        _send_home(session, now)
        ends = [
            (row.id, str(end.state), shortened(end.reason), now)
            for row in _at_work(session)
            if (end := _end(row, targets.get(row.rollout_id), now))
        ]
        _END.run(session, ends)
    return len(ends)


def _targets(session: Session) -> Mapping[int, int | None]:
    """Of rollouts with devices at work: the profile version that they bring."""
    busy = select(RolloutDevice.rollout_id).where(IS_AT_WORK)
    query = select(Rollout).where(Rollout.id.in_(busy), Rollout.target == Target.PROFILE)
    return {
        rollout.id: version_id(session, rollout.target_slug, rollout.target_version)
        for rollout in session.scalars(query)
    }


def _at_work(session: Session) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            RolloutDevice.id,
            RolloutDevice.rollout_id,
            RolloutDevice.state,
            RolloutDevice.deadline,
            RolloutDevice.generation,
            Configuration.profile_version_id,
            Configuration.compliant_generation,
            Configuration.reported_generation,
            Configuration.generation.label("desired"),
            Configuration.compliance,
            Configuration.compliance_reason,
        )
        .join(Configuration, Configuration.device_pk == RolloutDevice.device_pk)
        .where(IS_AT_WORK)
        .order_by(RolloutDevice.id)
        .with_for_update(of=RolloutDevice)
    )
    return session.execute(query).all()


def _end(row: Row[*tuple[Any, ...]], target: int | None, now: datetime) -> End | None:
    if row.profile_version_id != target:
        return End(JobState.CANCELLED, "another profile is meant for it now")
    return end_of(JobState(row.state), row.deadline, _sight(row), now)


def _sight(row: Row[*tuple[Any, ...]]) -> Sight:
    """It runs the version once it has fully applied a generation of it; that it drifted later is
    another matter. That it cannot do one of the settings it knows itself, and that is no failure.
    """
    runs_target = (row.compliant_generation or 0) >= row.generation
    has_answered = row.reported_generation == row.desired
    refuses = has_answered and row.compliance == ComplianceState.NONCOMPLIANT
    return Sight(runs_target, (row.compliance_reason or "not compliant") if refuses else None)


def _send_home(session: Session, now: datetime) -> None:
    left = select(Device.id).where(Device.lifecycle != Lifecycle.ENROLLED)
    live = select(Rollout.id).where(Rollout.state.in_(sorted(LIVE)))
    waiting = [JobState.QUEUED, *sorted(AT_WORK)]
    session.execute(
        update(RolloutDevice)
        .where(
            RolloutDevice.rollout_id.in_(live),
            RolloutDevice.state.in_(waiting),
            RolloutDevice.device_pk.in_(left),
        )
        .values(state=JobState.CANCELLED, reason="decommissioned", ended_at=now)
        .execution_options(synchronize_session=False)
    )
