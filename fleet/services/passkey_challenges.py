"""What a browser is asked to sign with a passkey: random, kept here, good once and for two minutes
(WebAuthn Level 3, 13.4.3)."""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import delete
from sqlalchemy.orm import Session

from fleet.services.secrets import new_token, token_hash
from fleet.store.database import transaction
from fleet.store.passkey import PasskeyChallenge

LASTS = timedelta(minutes=2)


class Purpose(StrEnum):
    ADD = "add"
    SIGN_IN = "sign_in"


class Asked(NamedTuple):
    challenge: bytes
    user_id: int | None
    name: str | None


def ask(
    session: Session,
    purpose: Purpose,
    now: datetime,
    user_id: int | None = None,
    name: str | None = None,
) -> tuple[str, bytes]:
    """Part of a transaction: the key by which this browser is known when it answers, and what it
    has to sign. Those that nobody has answered in time go."""
    key, challenge = new_token(), secrets.token_bytes(32)
    session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at <= now))
    session.add(
        PasskeyChallenge(
            key_hash=token_hash(key),
            purpose=purpose,
            challenge=challenge,
            user_id=user_id,
            name=name,
            expires_at=now + LASTS,
        )
    )
    return key, challenge


def take(key: str, purpose: Purpose, now: datetime) -> Asked | None:
    """What this browser was asked; never a second time, whether its answer is right or wrong."""
    open_still = delete(PasskeyChallenge).where(
        PasskeyChallenge.key_hash == token_hash(key),
        PasskeyChallenge.purpose == purpose,
        PasskeyChallenge.expires_at > now,
    )
    columns = PasskeyChallenge.challenge, PasskeyChallenge.user_id, PasskeyChallenge.name
    with transaction() as session:
        row = session.execute(open_still.returning(*columns)).first()
    return Asked(*row) if row else None
