"""People sign in and out; a session lives in the database, and its cookie holds only a token."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.errors import TooManyAttempts
from fleet.services.passwords import matches
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import db, transaction
from fleet.store.people import LoginSession, SignInFailure, User

LASTS = timedelta(hours=12)
"""However active: somebody signs in once a shift."""
TRIES = 5
WITHIN = timedelta(minutes=5)
_LOCKS = 17
"""A seed of our own, so that a name's lock is nobody else's."""


def sign_in(username: str, password: str, now: datetime) -> str | None:
    """A new session's token; None for a wrong name or password.

    Raises TooManyAttempts after five wrong passwords for one name in five minutes; other people
    are not affected.
    """
    _count_attempt(username, now)
    user = db.session.scalar(select(User).where(User.username == username))
    if not matches(user.password_hash if user else None, password):
        return None
    if user is None or user.disabled_at is not None:
        return None
    user_id = user.id
    token = new_token()
    with transaction() as session:
        session.execute(delete(SignInFailure).where(SignInFailure.username == username))
        session.add(
            LoginSession(
                token_hash=token_hash(token),
                user_id=user_id,
                created_at=now,
                expires_at=now + LASTS,
            )
        )
        audit.record(session, f"user:{username}", "session.begin", f"user/{username}", now)
    return token


def signed_in_user(token: str, now: datetime) -> User | None:
    """Whose session it is; None if it is over, or its user is disabled."""
    return db.session.scalar(
        select(User)
        .join(LoginSession)
        .where(
            LoginSession.token_hash == token_hash(token),
            LoginSession.expires_at > now,
            User.disabled_at.is_(None),
        )
    )


def sign_out(token: str) -> None:
    """The cookie is worthless from now on, wherever a copy of it is."""
    with transaction() as session:
        session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(token)))


def _count_attempt(username: str, now: datetime) -> None:
    """Before the password is looked at, as if it were wrong: however many come at once, no more
    than TRIES are looked at. The right one takes it all back.
    """
    name = username[:64]
    with transaction() as session:
        _one_after_the_other(session, name)
        session.execute(delete(SignInFailure).where(SignInFailure.at <= now - WITHIN))
        recent = session.scalar(
            select(func.count()).select_from(SignInFailure).where(SignInFailure.username == name)
        )
        if (recent or 0) >= TRIES:
            raise TooManyAttempts("too many wrong passwords; try again in five minutes")
        session.add(SignInFailure(username=name, at=now))


def _one_after_the_other(session: Session, name: str) -> None:
    """Those who ask for one name, until the end of the transaction. SQLite does so for all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, _LOCKS))))
