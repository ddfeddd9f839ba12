"""The second factor: a code every 30 seconds (RFC 6238), or one of ten that work once."""

import secrets
from datetime import datetime

import pyotp
from pyotp.exceptions import OTPVerificationError
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.attempts import count_attempt, forgive
from fleet.services.errors import Conflict, Invalid
from fleet.services.grants import user_named
from fleet.services.secrets import token_hash
from fleet.store.database import transaction
from fleet.store.passkey import Passkey
from fleet.store.people import LoginSession, RecoveryCode, User

ISSUER = "Wardfleet"
DRIFT = 1
"""Steps before and after the present one whose codes are taken: clocks of phones differ."""
CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without letters and digits that look alike. Ten of them are 49 bits."""


def offer_second_factor(username: str) -> str:
    """A new secret, base 32, that counts once a code of it has been shown. Raises Conflict."""
    with transaction() as session:
        user = user_named(session, username)
        if user.totp_since is not None:
            raise Conflict("there is a second factor already: have it reset first")
        user.totp_secret = pyotp.random_base32()
        return user.totp_secret


def address_of(username: str, secret: str) -> str:
    """What an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=ISSUER)


def confirm_second_factor(username: str, code: str, now: datetime) -> list[str]:
    """From now on it is asked for. The recovery codes, which nobody can see again.

    Raises Invalid for a wrong code, Conflict where none was offered, TooManyAttempts.
    """
    count_attempt(_key(username), now)
    with transaction() as session:
        user = user_named(session, username)
        if user.totp_secret is None or user.totp_since is not None:
            raise Conflict("no second factor is being set up")
        if not _take_code(session, user, code, now):
            raise Invalid({"code": "the six digits that the application shows now"})
        user.totp_since = now
        forgive(session, _key(username))
        audit.record(session, f"user:{username}", "user.second_factor.set", f"user/{username}", now)
        return new_recovery_codes(session, user.id)


def new_recovery_codes(session: Session, user_id: int) -> list[str]:
    """Part of a transaction: they take the place of those before, and nobody can see them again."""
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(10)) for _ in range(CODES)]
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    session.add_all(RecoveryCode(user_id=user_id, code_hash=token_hash(c)) for c in codes)
    return codes


def reset_second_factor(username: str, actor: str, now: datetime) -> None:
    """Somebody has lost it. Codes and passkeys go and their sessions end; the password alone lets
    them in again. Raises NotFound, Conflict.
    """
    with transaction() as session:
        user = user_named(session, username)
        before, after = _held(session, user), {"second_factor_since": None}
        if not any(before.values()):
            raise Conflict(f"{username} has no second factor")
        user.totp_secret = user.totp_since = user.totp_step = None
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
        session.execute(delete(Passkey).where(Passkey.user_id == user.id))
        audit.record(
            session, actor, "user.second_factor.reset", f"user/{username}", now, before, after
        )


def take_second_factor(session: Session, user: User, code: str, now: datetime) -> bool:
    """Part of a transaction: whether this code was good. It is not a second time."""
    typed = "".join(code.split()).lower().replace("-", "")
    if len(typed) == 6 and typed.isdecimal():
        return user.totp_since is not None and _take_code(session, user, typed, now)
    spent = delete(RecoveryCode).where(
        RecoveryCode.user_id == user.id, RecoveryCode.code_hash == token_hash(typed)
    )
    return session.execute(spent.returning(RecoveryCode.user_id)).first() is not None


def _held(session: Session, user: User) -> dict[str, object]:
    """As the audit has it."""
    named = select(Passkey.name).where(Passkey.user_id == user.id).order_by(Passkey.id)
    passkeys = list(session.scalars(named))
    since = user.totp_since.isoformat() if user.totp_since else None
    return {"second_factor_since": since} | ({"passkeys": passkeys} if passkeys else {})


def _take_code(session: Session, user: User, code: str, now: datetime) -> bool:
    """Only one of a later step than any before it: of two at once, one finds the row changed."""
    typed = "".join(code.split())
    if user.totp_secret is None or not (typed.isascii() and typed.isdigit()):
        return False
    try:
        step = pyotp.TOTP(user.totp_secret).verify_and_get_timecode(
            typed, for_time=now, valid_window=DRIFT
        )
    except OTPVerificationError:
        return False
    unused = or_(User.totp_step.is_(None), User.totp_step < step)
    taken = update(User).where(User.id == user.id, unused).values(totp_step=step)
    return session.execute(taken.returning(User.id)).first() is not None


def _key(username: str) -> str:
    """No user name has a colon in it: a password is counted apart from a code."""
    return f"code:{username}"[:64]
