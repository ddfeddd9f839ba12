"""A rollout is proposed. Nothing happens before somebody else has approved it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.rollout.plan import Plan, plan_from, problems_of
from fleet.domain.rollout.words import STANDING, RolloutState, Target
from fleet.domain.words import Scope
from fleet.services import audit
from fleet.services.assign_profile import checked_scope, profile_version, refuse_rivals
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.rollouts.stored import subject
from fleet.services.signed_versions import must_be_signed
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
from fleet.store.profile import Assignment, ProfileVersion
from fleet.store.rollout import Rollout


def propose_rollout(
    target: Target | str,
    slug: str,
    version: str,
    scope: Scope | str,
    scope_key: str,
    actor: str,
    now: datetime,
    plan: Mapping[str, Any] | None = None,
) -> int:
    """Returns its id. `plan`: what is to be other than usual (`domain.rollout.plan`).

    Raises Invalid, and Conflict where another rollout, or another profile, is in the way.
    """
    wanted = checked_plan(plan or {})
    if target != Target.PROFILE:
        raise Invalid({"target": f"no {target} release {slug} {version} that could be rolled out"})
    with transaction() as session:
        take(session, Lock.ASSIGNMENTS)
        found = _version(session, slug, version)
        scope = checked_scope(session, scope, scope_key, found.profile)
        refuse_rivals(session, found.profile, scope, scope_key)
        must_be_signed(session, found, now)
        rollout = Rollout(
            target=Target.PROFILE,
            target_slug=slug,
            target_version=str(found.number),
            former_version=former_version(session, found, scope, scope_key),
            scope=scope,
            scope_key=scope_key,
            plan=wanted.as_document(),
            state=RolloutState.PROPOSED,
            created_at=now,
            created_by=actor,
        )
        refuse_another(session, rollout)
        session.add(rollout)
        session.flush()
        audit.record(
            session, actor, "rollout.propose", subject(rollout), now, None, _picture(rollout)
        )
        return rollout.id


def checked_plan(document: Mapping[str, Any]) -> Plan:
    """Raises Invalid, which names each field of the plan that cannot be so."""
    plan = plan_from(dict(document))
    if problems := problems_of(plan):
        raise Invalid({f"plan.{name}": problem for name, problem in problems.items()})
    return plan


def former_version(
    session: Session, version: ProfileVersion, scope: str, scope_key: str
) -> str | None:
    """What is assigned there now. Raises Invalid where that is the new version."""
    former = session.scalar(
        select(ProfileVersion.number)
        .join(Assignment, Assignment.profile_version_id == ProfileVersion.id)
        .where(
            Assignment.profile_id == version.profile_id,
            Assignment.scope == scope,
            Assignment.scope_key == scope_key,
        )
    )
    if former == version.number:
        raise Invalid({"version": f"version {former} is assigned to {scope} {scope_key} already"})
    return None if former is None else str(former)


def refuse_another(session: Session, rollout: Rollout) -> None:
    """Raises Conflict: one rollout at a time for an assignment."""
    other = session.scalar(
        select(Rollout.id).where(
            Rollout.target == rollout.target,
            Rollout.target_slug == rollout.target_slug,
            Rollout.scope == rollout.scope,
            Rollout.scope_key == rollout.scope_key,
            Rollout.state.in_(sorted(STANDING)),
        )
    )
    if other is not None:
        raise Conflict(f"rollout {other} is there already for this assignment; end it first")


def _version(session: Session, slug: str, version: str) -> ProfileVersion:
    if not version.isdecimal() or len(version) > 9:
        raise Invalid({"version": "the number of a version of the profile, like 2"})
    try:
        return profile_version(session, slug, int(version))
    except NotFound as missing:
        raise Invalid({"version": missing.message}) from missing


def _picture(rollout: Rollout) -> dict[str, Any]:
    names = ("target", "target_slug", "target_version", "former_version", "scope", "scope_key")
    return {**{name: getattr(rollout, name) for name in names}, "plan": rollout.plan}
