"""Back to the former version: a rollout of its own, in one ring and approved with the request."""

from datetime import datetime

from fleet.domain.rollout.plan import plan_from
from fleet.domain.rollout.words import AT_WORK, JobState, RolloutState
from fleet.services import audit
from fleet.services.rollouts.bringing import bringing
from fleet.services.rollouts.members import enter
from fleet.services.rollouts.stored import end_jobs, locked, move, must_be, subject
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
from fleet.store.rollout import Rollout


def roll_back(
    rollout_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> int:
    """Returns the id of the rollout that brings its devices back. Nobody need approve that: what it
    brings was in force before.

    As care-safe as any, but a device that is not heard of is told at once, so that it never comes
    back to the wrong version. Raises Conflict where there was no former version.
    """
    with transaction() as session:
        rollout = locked(session, rollout_id, expected_version)
        was = rollout.state
        must_be(
            rollout, "rolled back", RolloutState.RUNNING, RolloutState.PAUSED,
            RolloutState.HALTED, RolloutState.COMPLETED, RolloutState.CANCELLED,
        )  # fmt: skip
        brings = bringing(rollout.target)
        slug, version = brings.back(session, rollout, now)
        take(session, Lock.ASSIGNMENTS)
        brings.take_back(session, rollout, now)
        end_jobs(session, rollout.id, AT_WORK, JobState.ROLLED_BACK, "rolled back", now)
        end_jobs(session, rollout.id, {JobState.QUEUED}, JobState.CANCELLED, "rolled back", now)
        rollout.ended_at = rollout.ended_at or now
        move(session, rollout, RolloutState.ROLLED_BACK, actor, now)
        session.flush()
        back = _reverting(rollout, slug, version, actor, now)
        brings.refuse_another(session, back)
        session.add(back)
        session.flush()
        audit.record(session, actor, "rollout.roll_back", subject(back), now, None,
                     {"reverts": rollout.id, "to": back.target_version})  # fmt: skip
        found = brings.members_back(session, rollout, was, now)
        enter(session, back, found, plan_from(back.plan), now)
        return back.id


def _reverting(rollout: Rollout, slug: str, version: str, actor: str, now: datetime) -> Rollout:
    return Rollout(
        target=rollout.target,
        target_slug=slug,
        target_version=version,
        former_version=rollout.target_version,
        scope=rollout.scope,
        scope_key=rollout.scope_key,
        plan={**plan_from(rollout.plan).as_document(), "halts": False},
        state=RolloutState.RUNNING,
        reverts_id=rollout.id,
        created_at=now,
        created_by=actor,
        started_at=now,
        version=1,
    )
