"""A rollout is proposed. Nothing happens before somebody else has approved it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fleet.domain.rollout.plan import Plan, plan_from, problems_of
from fleet.domain.rollout.words import RolloutState, Target
from fleet.domain.words import Scope
from fleet.services import audit
from fleet.services.errors import Invalid
from fleet.services.rollouts.bringing import bringing
from fleet.services.rollouts.stored import subject
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
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
    if target not in set(Target):
        raise Invalid({"target": f"one of {', '.join(Target)}"})
    with transaction() as session:
        take(session, Lock.ASSIGNMENTS)
        rollout = Rollout(
            target=Target(target),
            target_slug=slug,
            target_version=version,
            scope=str(scope),
            scope_key=scope_key,
            plan=wanted.as_document(),
            state=RolloutState.PROPOSED,
            created_at=now,
            created_by=actor,
        )
        brings = bringing(rollout.target)
        brings.prepare(session, rollout, now)
        brings.refuse_another(session, rollout)
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


def _picture(rollout: Rollout) -> dict[str, Any]:
    names = ("target", "target_slug", "target_version", "former_version", "scope", "scope_key")
    return {**{name: getattr(rollout, name) for name in names}, "plan": rollout.plan}
