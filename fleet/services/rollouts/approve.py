"""A rollout is approved, by somebody else than the one who proposed it, and begins."""

from datetime import datetime

from sqlalchemy.orm import Session

from fleet.domain.assignment import Claim
from fleet.domain.rollout.plan import plan_from
from fleet.domain.rollout.words import RolloutState
from fleet.domain.words import Scope
from fleet.services.assign_profile import profile_version, refuse_rivals
from fleet.services.errors import Conflict
from fleet.services.rollouts.members import enter, members
from fleet.services.rollouts.people import person
from fleet.services.rollouts.propose import former_version
from fleet.services.rollouts.stored import locked, move, must_be
from fleet.services.signed_versions import must_be_signed
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
from fleet.store.rollout import Rollout


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
        claim = _claim(session, rollout, now)
        found = members(session, claim, now)
        if not found:
            raise Conflict(f"there is no device for it in {rollout.scope} {rollout.scope_key}")
        enter(session, rollout, found, plan_from(rollout.plan), now)
        rollout.approved_by = actor
        rollout.started_at = now
        move(session, rollout, RolloutState.RUNNING, actor, now)


def _claim(session: Session, rollout: Rollout, now: datetime) -> Claim:
    """The assignment as it is going to be; since the proposal others may have changed theirs."""
    version = profile_version(session, rollout.target_slug, int(rollout.target_version))
    must_be_signed(session, version, now)
    scope = Scope(rollout.scope)
    refuse_rivals(session, version.profile, scope, rollout.scope_key)
    rollout.former_version = former_version(session, version, scope, rollout.scope_key)
    kinds = frozenset(version.profile.kinds)
    return Claim(version.id, scope, rollout.scope_key, kinds, version.profile_id)
