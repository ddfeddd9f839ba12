"""Somebody leaves: they sign in no more, and their sessions end at once. Or they come back."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.errors import Conflict
from fleet.services.grants import keeping_an_administrator, user_named
from fleet.store.database import transaction
from fleet.store.locks import Lock, take
from fleet.store.people import LoginSession, User


def disable_user(username: str, actor: str, now: datetime) -> None:
    """Raises NotFound, and Conflict: also for the last administrator of everything."""
    with transaction() as session:
        take(session, Lock.PEOPLE)
        user = user_named(session, username)
        if user.disabled_at is not None:
            raise Conflict(f"{username} is disabled already")
        with keeping_an_administrator(session):
            user.disabled_at = now
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
        _record(session, "user.disable", user, actor, now)


def enable_user(username: str, actor: str, now: datetime) -> None:
    """With the password and the roles that they had. Raises NotFound, Conflict."""
    with transaction() as session:
        user = user_named(session, username)
        if user.disabled_at is None:
            raise Conflict(f"{username} is not disabled")
        user.disabled_at = None
        _record(session, "user.enable", user, actor, now)


def _record(session: Session, action: str, user: User, actor: str, now: datetime) -> None:
    is_disabled = user.disabled_at is not None
    before, after = {"disabled": not is_disabled}, {"disabled": is_disabled}
    audit.record(session, actor, action, f"user/{user.username}", now, before, after)
