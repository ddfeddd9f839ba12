"""People steer a rollout: pause, resume, halt, cancel, and reject one that is proposed."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from fleet.domain.rollout.words import JobState, RolloutState
from fleet.services.rollouts.stored import end_jobs, locked, move, must_be
from fleet.store.database import transaction
from fleet.store.queries.rollouts import rings_of
from fleet.store.rollout import Rollout, RolloutRing

RUNNING, PAUSED, HALTED = RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED


def pause_rollout(
    rollout_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """Nobody is offered anything; devices at work go on to their end. Raises as `locked`."""
    _steer(rollout_id, RolloutState.PAUSED, "paused", (RUNNING,), actor, now, expected_version)


def halt_rollout(
    rollout_id: int,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
    reason: str | None = None,
) -> None:
    """As if it had stopped itself: somebody has seen what no threshold has."""
    words = reason or "halted by hand"
    states = (RUNNING, PAUSED)
    _steer(rollout_id, HALTED, "halted", states, actor, now, expected_version, words)


def reject_rollout(
    rollout_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """It never begins."""
    states = (RolloutState.PROPOSED,)
    _steer(rollout_id, RolloutState.REJECTED, "rejected", states, actor, now, expected_version)


def resume_rollout(
    rollout_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """Failures so far have been looked at: only those that come after count against it."""
    with transaction() as session:
        rollout = locked(session, rollout_id, expected_version)
        must_be(rollout, "resumed", PAUSED, HALTED)
        for ring in rings_of(session, rollout_id, now):
            session.execute(
                update(RolloutRing)
                .where(RolloutRing.rollout_id == rollout_id, RolloutRing.number == ring.number)
                .values(forgiven=ring.failed)
                .execution_options(synchronize_session=False)
            )
        move(session, rollout, RUNNING, actor, now)


def cancel_rollout(
    rollout_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """It ends here: who has the new version keeps it, until something else is assigned."""
    with transaction() as session:
        rollout = locked(session, rollout_id, expected_version)
        must_be(rollout, "cancelled", RUNNING, PAUSED, HALTED)
        stop_here(session, rollout, actor, now, "cancelled by hand")


def stop_here(session: Session, rollout: Rollout, actor: str, now: datetime, reason: str) -> None:
    """Part of a transaction, with the rollout locked: the queue is sent home."""
    end_jobs(session, rollout.id, {JobState.QUEUED}, JobState.CANCELLED, "rollout cancelled", now)
    rollout.ended_at = now
    move(session, rollout, RolloutState.CANCELLED, actor, now, reason)


def _steer(
    rollout_id: int,
    state: RolloutState,
    verb: str,
    allowed: tuple[RolloutState, ...],
    actor: str,
    now: datetime,
    expected_version: int | None,
    reason: str | None = None,
) -> None:
    with transaction() as session:
        rollout = locked(session, rollout_id, expected_version)
        must_be(rollout, verb, *allowed)
        if state == RolloutState.REJECTED:
            rollout.ended_at = now
        move(session, rollout, state, actor, now, reason)
