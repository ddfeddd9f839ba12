"""The switch for an emergency: no rollout offers anything to anybody while it is on."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.errors import Conflict, Invalid
from fleet.store.database import transaction
from fleet.store.rollout import Blackout


def begin_blackout(reason: str, actor: str, now: datetime) -> None:
    """Raises Invalid without a reason, Conflict where it is on already."""
    if not 1 <= len(reason) <= 256 or not reason.isprintable():
        raise Invalid({"reason": "why, in 1 to 256 printable characters"})
    with transaction() as session:
        if standing(session) is not None:
            raise Conflict("all rollouts are stopped already")
        session.add(Blackout(reason=reason, began_at=now, began_by=actor))
        after = {"reason": reason}
        audit.record(session, actor, "rollout.blackout", "rollouts", now, None, after)


def end_blackout(actor: str, now: datetime) -> None:
    """Rollouts go on from where they were. Raises Conflict where it is not on."""
    with transaction() as session:
        blackout = standing(session)
        if blackout is None:
            raise Conflict("rollouts are not stopped")
        blackout.ended_at = now
        blackout.ended_by = actor
        before = {"reason": blackout.reason}
        audit.record(session, actor, "rollout.blackout_end", "rollouts", now, before)


def standing(session: Session) -> Blackout | None:
    """The one that is on, locked."""
    return session.scalars(
        select(Blackout).where(Blackout.ended_at.is_(None)).limit(1).with_for_update()
    ).first()
