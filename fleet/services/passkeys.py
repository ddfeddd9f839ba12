"""People add passkeys to their own account, and remove them."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from fleet.services import audit, authenticators
from fleet.services import passkey_challenges as challenges
from fleet.services.attempts import count_attempt, forgive
from fleet.services.errors import Conflict, Invalid, NotFound, Unauthorized
from fleet.services.grants import user_named
from fleet.services.passwords import matches
from fleet.services.second_factor import new_recovery_codes
from fleet.services.secrets import token_hash
from fleet.services.sign_in_external import NO_PASSWORD
from fleet.store.database import db, transaction
from fleet.store.passkey import Passkey
from fleet.store.people import LoginSession, RecoveryCode, User

FRESH = timedelta(minutes=10)
"""So long after a sign-in the password is not asked for again."""
MOST = 20
"""Of one person: each is one more way in."""


def is_fresh(token: str, now: datetime) -> bool:
    """Whether this session was begun a moment ago, so that it is still the same person."""
    fresh = exists().where(
        LoginSession.token_hash == token_hash(token), LoginSession.created_at > now - FRESH
    )
    return db.session.scalar(select(fresh)) or False


def offer_passkey(
    username: str, name: str, password: str, token: str, origin: str, now: datetime
) -> tuple[str, str]:
    """What the browser is known by when it answers, and what it is told (JSON).

    `token`: of their session. Raises Invalid naming the field, Conflict, TooManyAttempts.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= 64:
        raise Invalid({"name": "1 to 64 characters, like: the key on my ring"})
    prove(username, password, token, now)
    with transaction() as session:
        user = user_named(session, username)
        if user.password_hash == NO_PASSWORD:
            raise Conflict("you sign in through your hospital's own sign-in")
        _must_be_new(session, user.id, name)
        if user.passkey_handle is None:
            user.passkey_handle = secrets.token_bytes(32)
        has = session.scalars(select(Passkey.credential_id).where(Passkey.user_id == user.id)).all()
        key, challenge = challenges.ask(session, challenges.Purpose.ADD, now, user.id, name)
        return key, authenticators.told_to_make(
            origin, challenge, user.passkey_handle, username, has
        )


def add_passkey(username: str, answer: str, key: str, origin: str, now: datetime) -> list[str]:
    """From now on it lets them in. Recovery codes, which nobody can see again, where it is the
    first second factor that they have.

    Raises Unauthorized where this is not the answer to what was asked, Conflict.
    """
    asked = challenges.take(key, challenges.Purpose.ADD, now)
    found = asked and authenticators.made(answer, origin, asked.challenge)
    if asked is None or asked.name is None or not found:
        raise Unauthorized("that passkey was not made as it was asked for: try again")
    with transaction() as session:
        user = user_named(session, username)
        if user.id != asked.user_id:
            raise Unauthorized("that passkey was made for somebody else")
        _must_be_new(session, user.id, asked.name)
        if session.scalar(select(exists().where(Passkey.credential_id == found.credential_id))):
            raise Conflict("that passkey is here already")
        passkey = Passkey(user_id=user.id, name=asked.name, created_at=now, **found._asdict())
        session.add(passkey)
        session.flush()
        after = {"passkey": passkey.id, "name": passkey.name}
        _record(session, username, "user.passkey.add", now, None, after)
        return _codes_for_the_first(session, user)


def remove_passkey(
    username: str, passkey_id: int, password: str, token: str, now: datetime
) -> None:
    """It lets nobody in any more, and every other session of theirs ends: it may have begun them.

    `token`: of their own session. Raises NotFound, Invalid, TooManyAttempts.
    """
    prove(username, password, token, now)
    with transaction() as session:
        user = user_named(session, username)
        removed = session.execute(
            delete(Passkey)
            .where(Passkey.id == passkey_id, Passkey.user_id == user.id)
            .returning(Passkey.name)
        ).first()
        if removed is None:
            raise NotFound(f"{username} has no passkey {passkey_id}")
        others = LoginSession.token_hash != token_hash(token)
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id, others))
        if user.totp_since is None and not _has_passkeys(session, user.id):
            session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        before = {"passkey": passkey_id, "name": removed.name}
        _record(session, username, "user.passkey.remove", now, before, None)


def prove(username: str, password: str, token: str, now: datetime) -> None:
    """That it is still them: by their password, unless they have come in a moment ago. A browser
    that was left open is no way to a key of one's own. Raises Invalid, TooManyAttempts.
    """
    if is_fresh(token, now):
        return
    count_attempt(f"password:{username}", now)
    stored = db.session.scalar(select(User.password_hash).where(User.username == username))
    if not matches(stored, password):
        raise Invalid({"password": "is not your password"})
    with transaction() as session:
        forgive(session, f"password:{username}")


def _must_be_new(session: Session, user_id: int, name: str) -> None:
    names = session.scalars(select(Passkey.name).where(Passkey.user_id == user_id)).all()
    if name in names:
        raise Invalid({"name": f"you have a passkey called {name} already"})
    if len(names) >= MOST:
        raise Conflict(f"you have {MOST} passkeys: remove one that you do not need")


def _codes_for_the_first(session: Session, user: User) -> list[str]:
    has_codes = exists().where(RecoveryCode.user_id == user.id)
    if user.totp_since is not None or session.scalar(select(has_codes)):
        return []
    return new_recovery_codes(session, user.id)


def _has_passkeys(session: Session, user_id: int) -> bool:
    return session.scalar(select(exists().where(Passkey.user_id == user_id))) or False


def _record(
    session: Session,
    username: str,
    action: str,
    now: datetime,
    before: dict[str, object] | None,
    after: dict[str, object] | None,
) -> None:
    audit.record(session, f"user:{username}", action, f"user/{username}", now, before, after)
