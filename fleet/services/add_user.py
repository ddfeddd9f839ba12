"""Another person: with a password, and with what they may and where."""

from datetime import datetime

from sqlalchemy import select

from fleet.services import audit
from fleet.services.errors import Conflict, Invalid
from fleet.services.first_administrator import problems_with
from fleet.services.grants import add_grant, roles_of
from fleet.services.passwords import hash_password
from fleet.services.places_of_roles import EVERYTHING, role_named
from fleet.store.database import transaction
from fleet.store.people import User


def add_user(
    username: str,
    password: str,
    actor: str,
    now: datetime,
    role: str,
    where: str = EVERYTHING,
) -> None:
    """Raises Invalid naming the field that will not do, Conflict where the name is taken."""
    if problems := problems_with(username, password):
        raise Invalid(problems)
    wanted, hashed = role_named(role), hash_password(password)
    with transaction() as session:
        if session.scalar(select(User.id).where(User.username == username)) is not None:
            raise Conflict(f"there is a user {username} already")
        user = User(username=username, password_hash=hashed, created_at=now)
        session.add(user)
        session.flush()
        add_grant(session, user.id, wanted, where, actor, now)
        after = {"name": username, "roles": roles_of(session, user.id)}
        audit.record(session, actor, "user.create", f"user/{username}", now, after=after)
