"""People change their own password; whoever had the old one is signed out."""

from datetime import datetime

from sqlalchemy import delete, select

from fleet.services import audit
from fleet.services.attempts import count_attempt, forgive
from fleet.services.errors import Conflict, Invalid
from fleet.services.first_administrator import problems_with
from fleet.services.grants import user_named
from fleet.services.passwords import hash_password, matches
from fleet.services.sign_in_external import NO_PASSWORD
from fleet.store.database import db, transaction
from fleet.store.people import LoginSession, User


def change_password(username: str, old: str, new: str, now: datetime) -> None:
    """All sessions of theirs end. Raises Invalid naming the field, Conflict, TooManyAttempts."""
    weak = problems_with(username, new).get("password")
    if weak:
        raise Invalid({"new": weak})
    count_attempt(f"password:{username}", now)
    stored = db.session.scalar(select(User.password_hash).where(User.username == username))
    if stored == NO_PASSWORD:
        raise Conflict("your password is kept by your hospital's own sign-in")
    if not matches(stored, old):
        raise Invalid({"old": "is not your password"})
    hashed = hash_password(new)
    with transaction() as session:
        user = user_named(session, username)
        if user.password_hash != stored:
            raise Conflict("your password has been changed meanwhile")
        user.password_hash = hashed
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
        forgive(session, f"password:{username}")
        audit.record(session, f"user:{username}", "user.password", f"user/{username}", now)
