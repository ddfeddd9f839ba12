"""A rollout's rows: read under its lock, changed only from the state that was read."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from fleet.domain.rollout.words import JobState, RolloutState
from fleet.domain.words import AlertKind
from fleet.services import alerts, audit
from fleet.services.errors import Conflict, NotFound, StaleVersion
from fleet.services.transitions import shortened
from fleet.store.rollout import Rollout, RolloutDevice


def locked(session: Session, rollout_id: int, expected_version: int | None = None) -> Rollout:
    """Raises NotFound, StaleVersion."""
    rollout = session.get(Rollout, rollout_id, with_for_update=True, populate_existing=True)
    if rollout is None:
        raise NotFound(f"no rollout {rollout_id}")
    if expected_version not in (None, rollout.version):
        raise StaleVersion(f"rollout {rollout_id} has changed since it was read")
    return rollout


def must_be(rollout: Rollout, verb: str, *states: RolloutState) -> None:
    """Raises Conflict."""
    if rollout.state not in states:
        raise Conflict(f"rollout {rollout.id} is {rollout.state}: it cannot be {verb}")


def move(
    session: Session,
    rollout: Rollout,
    state: RolloutState,
    actor: str,
    now: datetime,
    reason: str | None = None,
) -> None:
    """Part of a transaction, with the rollout locked: on to another state, and into the audit.

    An alert stands as long as it is halted.
    """
    before = {"state": rollout.state}
    rollout.state = state
    rollout.reason = shortened(reason)
    rollout.version += 1
    after = {"state": str(state)} | ({"reason": rollout.reason} if reason else {})
    audit.record(session, actor, f"rollout.{state}", subject(rollout), now, before, after)
    detail = (rollout.reason or "halted") if state == RolloutState.HALTED else None
    alerts.follow_rollout(session, rollout.id, AlertKind.ROLLOUT_HALTED, detail, now)


def subject(rollout: Rollout) -> str:
    return f"rollout/{rollout.id}"


def end_jobs(
    session: Session,
    rollout_id: int,
    states: Collection[JobState],
    end: JobState,
    reason: str,
    now: datetime,
) -> int:
    """All of its devices that are in one of these states come to this end; returns how many."""
    result: Any = session.execute(
        update(RolloutDevice)
        .where(RolloutDevice.rollout_id == rollout_id, RolloutDevice.state.in_(sorted(states)))
        .values(state=end, reason=reason, ended_at=now)
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)
