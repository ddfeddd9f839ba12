"""Another person who may change things: who starts a rollout needs a second one to approve it."""

from datetime import datetime

from sqlalchemy import select

from fleet.services import audit
from fleet.services.errors import Conflict, Invalid
from fleet.services.first_administrator import problems_with
from fleet.services.passwords import hash_password
from fleet.store.database import transaction
from fleet.store.people import User


def add_user(username: str, password: str, actor: str, now: datetime) -> None:
    """Raises Invalid naming the field that will not do, Conflict where the name is taken."""
    if problems := problems_with(username, password):
        raise Invalid(problems)
    with transaction() as session:
        if session.scalar(select(User.id).where(User.username == username)) is not None:
            raise Conflict(f"there is a user {username} already")
        session.add(User(username=username, password_hash=hash_password(password), created_at=now))
        after = {"name": username}
        audit.record(session, actor, "user.create", f"user/{username}", now, after=after)
