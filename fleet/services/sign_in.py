"""People sign in and out; a session lives in the database, and its cookie holds only a token."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.attempts import TRIES as TRIES
from fleet.services.attempts import WITHIN as WITHIN
from fleet.services.attempts import count_attempt, forgive
from fleet.services.passwords import matches
from fleet.services.second_factor import take_second_factor
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import db, transaction
from fleet.store.people import LoginSession, User
from fleet.store.queries.passkeys import has_passkey

log = logging.getLogger(__name__)

LASTS = timedelta(hours=12)
"""However active: somebody signs in once a shift."""
IDLE = timedelta(minutes=30)
"""Unless a setting says otherwise."""
CODE_WITHIN = timedelta(minutes=5)
"""After the password, so long the second factor is waited for."""
SEEN_EVERY = timedelta(minutes=1)


class SecondFactors(NamedTuple):
    application: bool
    passkey: bool


def sign_in(username: str, password: str, now: datetime, address: str = "") -> str | None:
    """A new session's token; None for a wrong name or password.

    Where the person has a second factor, the session is worth nothing yet: `waits_for_code`.
    `address`: of the machine where it is typed. Raises TooManyAttempts after five wrong passwords
    for one name from there in five minutes, or more than `attempts` allows from anywhere.
    """
    count_attempt(f"password:{username}", now, address)
    user = db.session.scalar(select(User).where(User.username == username))
    is_right = matches(user.password_hash if user else None, password)
    if user is None or user.disabled_at is not None or not is_right:
        # What was typed may be a password: only the name of somebody who is here is logged.
        log.warning("sign-in refused: %s", username if user else "a name that nobody has")
        return None
    user_id, waits = user.id, user.totp_since is not None or has_passkey(user.id)
    with transaction() as session:
        forgive(session, f"password:{username}", address)
        return begin_session(session, user_id, username, now, waits_for_code=waits)


def waits_for_code(token: str, now: datetime) -> bool:
    """Whether this session still waits for the second factor."""
    return who_waits(token, now) is not None


def who_waits(token: str, now: datetime) -> int | None:
    """Whose session, of those that wait for the second factor."""
    return db.session.scalar(_waiting(token, now).with_only_columns(User.id))


def second_factors(token: str, now: datetime) -> SecondFactors:
    """What they who are waited for can show, besides a recovery code."""
    user = db.session.scalar(_waiting(token, now).with_only_columns(User))
    if user is None:
        return SecondFactors(application=False, passkey=False)
    return SecondFactors(user.totp_since is not None, has_passkey(user.id))


def show_second_factor(token: str, code: str, now: datetime) -> str | None:
    """The token of the session that the right code makes of a waiting one; None for a wrong code,
    or where nothing waits.

    Raises TooManyAttempts after five wrong ones, wherever they are typed: who comes so far has the
    password, and a million codes are few.
    """
    username = db.session.scalar(_waiting(token, now).with_only_columns(User.username))
    if username is None:
        return None
    count_attempt(f"code:{username}", now)
    with transaction() as session:
        user = session.scalar(_waiting(token, now).with_only_columns(User).with_for_update(of=User))
        if user is None or not take_second_factor(session, user, code, now):
            log.warning("sign-in refused: %s, wrong second factor", username)
            return None
        forgive(session, f"code:{username}")
        _end(session, token)
        return begin_session(session, user.id, username, now)


def begin_session(
    session: Session, user_id: int, username: str, now: datetime, *,
    waits_for_code: bool = False, shown: dict[str, object] | None = None,
) -> str:  # fmt: skip
    """Part of a transaction: a session under a new token, whatever the browser had before.

    `shown`: for the audit, by what they have proved who they are, where that is to be told apart.
    """
    token = new_token()
    session.add(
        LoginSession(
            token_hash=token_hash(token),
            user_id=user_id,
            created_at=now,
            expires_at=now + (CODE_WITHIN if waits_for_code else LASTS),
            waits_for_code=waits_for_code,
        )
    )
    if not waits_for_code:
        subject = f"user/{username}"
        audit.record(session, f"user:{username}", "session.begin", subject, now, after=shown)
    return token


def signed_in_user(token: str, now: datetime, idle: timedelta = IDLE) -> User | None:
    """Whose session it is; None if it is over, or its user is disabled."""
    seen_at = func.coalesce(LoginSession.seen_at, LoginSession.created_at)
    own = LoginSession.token_hash == token_hash(token)
    row = db.session.execute(
        select(User, LoginSession.seen_at)
        .join(LoginSession)
        .where(
            own,
            LoginSession.expires_at > now,
            LoginSession.waits_for_code.is_(False),
            seen_at > now - idle,
            User.disabled_at.is_(None),
        )
    ).first()
    if row is None:
        return None
    user, seen = row
    if seen is None or seen <= now - SEEN_EVERY:
        # Where nothing can be written, pages are to be read all the same.
        with suppress(SQLAlchemyError), transaction() as session:
            session.execute(update(LoginSession).where(own).values(seen_at=now))
    return user


def sign_out(token: str) -> None:
    """The cookie is worthless from now on, wherever a copy of it is."""
    with transaction() as session:
        _end(session, token)


def _end(session: Session, token: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(token)))


def _waiting(token: str, now: datetime) -> Select[str]:
    return (
        select(LoginSession.token_hash)
        .join(User)
        .where(
            LoginSession.token_hash == token_hash(token),
            LoginSession.expires_at > now,
            LoginSession.waits_for_code,
            User.disabled_at.is_(None),
        )
    )
