"""Somebody signs in with a passkey: it alone is both factors, so also after the password."""

import hashlib
import logging
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from webauthn.helpers.structs import AuthenticationCredential

from fleet.services import audit, authenticators
from fleet.services import passkey_challenges as challenges
from fleet.services.attempts import count_attempt, forgive
from fleet.services.passkey_challenges import Asked
from fleet.services.sign_in import begin_session, who_waits
from fleet.store.database import transaction
from fleet.store.passkey import Passkey
from fleet.store.people import User

log = logging.getLogger(__name__)


def ask_for_passkey(token: str, origin: str, now: datetime) -> tuple[str, str]:
    """What the browser is known by when it answers, and what it is told (JSON).

    `token`: of its session. Where the password was shown in it, one of that person's passkeys is
    asked for; else any, in the same words to everybody.
    """
    user_id = who_waits(token, now)
    with transaction() as session:
        own = select(Passkey.credential_id).where(Passkey.user_id == user_id)
        one_of = session.scalars(own.order_by(Passkey.id)).all() if user_id is not None else []
        key, challenge = challenges.ask(session, challenges.Purpose.SIGN_IN, now, user_id)
        return key, authenticators.told_to_sign(origin, challenge, one_of)


def sign_in_with_passkey(answer: str, key: str, origin: str, now: datetime) -> str | None:
    """A new session's token; None where nobody is proven to be there, for whatever reason.

    Raises TooManyAttempts after five wrong answers of one passkey in five minutes, whether there is
    such a passkey or not; others are not affected.
    """
    asked = challenges.take(key, challenges.Purpose.SIGN_IN, now)
    shown = authenticators.shown(answer)
    if asked is None or shown is None:
        return None
    count_attempt(_counted(shown), now)
    with transaction() as session:
        found = session.execute(
            select(Passkey, User)
            .join(User, User.id == Passkey.user_id)
            .where(Passkey.credential_id == shown.raw_id, User.disabled_at.is_(None))
            .with_for_update()
        ).first()
        if found is None or not _is_theirs(shown, asked, found.User):
            log.warning("sign-in refused: a passkey that nobody has, or another's")
            return None
        passkey, user = found
        count = authenticators.signed(shown, origin, asked.challenge, passkey.public_key)
        if count is None:
            log.warning("sign-in refused: %s, wrong passkey", user.username)
            return None
        if not _counts_up(session, passkey, count, now):
            _tell_of_a_clone(session, passkey, user, count, now)
            return None
        forgive(session, _counted(shown))
        return begin_session(session, user.id, user.username, now, shown={"passkey": passkey.id})


def _is_theirs(shown: AuthenticationCredential, asked: Asked, user: User) -> bool:
    """Who it is stands in the answer, unless that was known before (WebAuthn Level 3, 7.2, 6)."""
    if asked.user_id is not None and asked.user_id != user.id:
        return False
    handle = shown.response.user_handle
    if handle is None:
        return asked.user_id is not None
    return handle == user.passkey_handle


def _counts_up(session: Session, passkey: Passkey, count: int, now: datetime) -> bool:
    """Never back, and never the same twice; some do not count at all, and say 0 for ever."""
    onward = Passkey.sign_count < count if count else Passkey.sign_count == 0
    moved = (
        update(Passkey)
        .where(Passkey.id == passkey.id, onward)
        .values(sign_count=count, used_at=now)
        .returning(Passkey.id)
    )
    return session.execute(moved).first() is not None


def _tell_of_a_clone(
    session: Session, passkey: Passkey, user: User, count: int, now: datetime
) -> None:
    """The signature is right and the count is old: two devices have the same key."""
    said = {"passkey": passkey.id, "name": passkey.name}
    before, after = said | {"sign_count": passkey.sign_count}, said | {"sign_count": count}
    subject = f"user/{user.username}"
    audit.record(session, "system", "user.passkey.refused", subject, now, before, after)
    log.warning("passkey %s of %s counts backwards: it may be copied", passkey.id, user.username)


def _counted(shown: AuthenticationCredential) -> str:
    """No user name has a colon in it."""
    return f"passkey:{hashlib.sha256(shown.raw_id).hexdigest()}"[:64]
