"""The scheduler's turn: what devices have done, whether the next ring may begin, who is next."""

from datetime import datetime
from typing import assert_never

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.rollout.gates import Finish, Halt, Miss, Move, Open, Pass, Stop, next_move
from fleet.domain.rollout.plan import plan_from
from fleet.domain.rollout.words import LIVE, JobState, RolloutState
from fleet.services import audit
from fleet.services.rollouts.blackout import standing
from fleet.services.rollouts.bringing import bringing, whatever
from fleet.services.rollouts.offer import SCHEDULE, offer, serve_latecomers
from fleet.services.rollouts.settle import settle
from fleet.services.rollouts.steer import stop_here
from fleet.services.rollouts.stored import end_jobs, locked, move, subject
from fleet.store.database import db, transaction
from fleet.store.queries.rollouts import rings_of
from fleet.store.rollout import IS_AT_WORK, Rollout, RolloutDevice, RolloutRing


def plan_rollouts(now: datetime) -> int:
    """One turn, a transaction for each rollout; returns how many devices were offered something.

    What devices report counts in whatever state their rollout is; all else needs it to run.
    """
    busy, live, late = _what_there_is(now)
    if busy or live:
        settle(now)
    offered = sum(_turn(rollout_id, now) for rollout_id in live)
    return offered + sum(_serve_late(rollout_id, now) for rollout_id in late)


def _what_there_is(now: datetime) -> tuple[bool, list[int], list[int]]:
    """Whether devices are at work; the rollouts that go on; those that some have missed."""
    busy = db.session.scalar(select(RolloutDevice.id).where(IS_AT_WORK).limit(1)) is not None
    live = select(Rollout.id).where(Rollout.state.in_(sorted(LIVE))).order_by(Rollout.id)
    late = [pk for each in whatever() for pk in each.late_rollouts(db.session(), now)]
    found = busy, list(db.session.scalars(live)), late
    db.session.rollback()
    return found


def _turn(rollout_id: int, now: datetime) -> int:
    with transaction() as session:
        rollout = locked(session, rollout_id)
        if rollout.state not in LIVE or rollout.started_at is None:
            return 0
        if rollout.state != RolloutState.RUNNING:
            _end_overdue(session, rollout, now)
            return 0
        if standing(session) is not None:
            return 0
        rings = rings_of(session, rollout_id, now)
        step = next_move(rings, plan_from(rollout.plan), rollout.started_at, now)
        if step is not None:
            _make(session, rollout, step, now)
        elif words := bringing(rollout.target).obstacle(session, rollout, now):
            move(session, rollout, RolloutState.HALTED, SCHEDULE, now, words)
        else:
            return offer(session, rollout, now)
    return 0


def _make(session: Session, rollout: Rollout, step: Move, now: datetime) -> None:
    match step:
        case Halt(reason):
            move(session, rollout, RolloutState.HALTED, SCHEDULE, now, reason)
        case Pass(ring):
            _note_ring(session, rollout, ring, "pass", now)
        case Open(ring):
            _note_ring(session, rollout, ring, "open", now)
        case Finish():
            bringing(rollout.target).finish(session, rollout, now)
            rollout.ended_at = now
            move(session, rollout, RolloutState.COMPLETED, SCHEDULE, now)
        case Stop(reason):
            stop_here(session, rollout, SCHEDULE, now, reason)
        case Miss():
            words = "no safe moment while the rollout ran"
            end_jobs(session, rollout.id, {JobState.QUEUED}, JobState.MISSED, words, now)
        case _:
            assert_never(step)


def _note_ring(session: Session, rollout: Rollout, ring: int, what: str, now: datetime) -> None:
    column = RolloutRing.passed_at if what == "pass" else RolloutRing.opened_at
    session.execute(
        update(RolloutRing)
        .where(
            RolloutRing.rollout_id == rollout.id, RolloutRing.number == ring, column.is_(None)
        )
        .values({column: now})
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    after = {"ring": ring}
    audit.record(session, SCHEDULE, f"rollout.ring_{what}", subject(rollout), now, None, after)


def _end_overdue(session: Session, rollout: Rollout, now: datetime) -> None:
    """One that nobody has gone on with does not stand for ever."""
    assert rollout.started_at is not None
    days = plan_from(rollout.plan).ends_after
    if now >= rollout.started_at + days:
        words = f"{rollout.state}, and nobody went on with it for {days.days} days"
        stop_here(session, rollout, SCHEDULE, now, words)


def _serve_late(rollout_id: int, now: datetime) -> int:
    with transaction() as session:
        rollout = locked(session, rollout_id)
        brings = bringing(rollout.target)
        if standing(session) is not None or brings.obstacle(session, rollout, now):
            return 0
        return serve_latecomers(session, rollout, now)
