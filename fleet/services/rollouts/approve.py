"""A rollout is approved, by somebody else than the one who proposed it, and begins."""

from datetime import datetime

from fleet.domain.rollout.plan import plan_from
from fleet.domain.rollout.words import RolloutState
from fleet.services.errors import Conflict
from fleet.services.rollouts.bringing import bringing
from fleet.services.rollouts.members import enter
from fleet.services.rollouts.people import person
from fleet.services.rollouts.stored import locked, move, must_be
from fleet.store.database import transaction
from fleet.store.locks import Lock, take


def approve_rollout(
    rollout_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """The devices that it is for now are divided into rings, and the canaries may begin.

    Raises NotFound, StaleVersion, Invalid, or Conflict: also where the same person asks, be it by
    an API token of theirs.
    """
    with transaction() as session:
        rollout = locked(session, rollout_id, expected_version)
        must_be(rollout, "approved", RolloutState.PROPOSED)
        if person(session, actor) == person(session, rollout.created_by):
            raise Conflict("who starts a rollout cannot approve it: somebody else must")
        take(session, Lock.ASSIGNMENTS)
        brings = bringing(rollout.target)
        brings.prepare(session, rollout, now)
        brings.refuse_another(session, rollout)
        found = brings.members(session, rollout, now)
        if not found:
            raise Conflict(f"there is no device for it in {rollout.scope} {rollout.scope_key}")
        enter(session, rollout, found, plan_from(rollout.plan), now)
        rollout.approved_by = actor
        rollout.started_at = now
        move(session, rollout, RolloutState.RUNNING, actor, now)
