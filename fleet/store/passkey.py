"""Passkeys (WebAuthn): whose they are, and what a browser was asked to sign."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant


class Passkey(Base):
    """A key that a person's device keeps. `public_key`: as COSE has it (RFC 9052).

    `sign_count`: the highest that it has said of itself; 0 of one that does not count.
    """

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("user_id", "name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    name: Mapped[str] = mapped_column(String(64))
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Instant)
    used_at: Mapped[datetime | None] = mapped_column(Instant)


class PasskeyChallenge(Base):
    """What one browser has to sign, once. Its cookie holds the key, the database only its hash.

    `user_id`: whose passkey it must be; None where the passkey is to say who it is.
    `name`: of the passkey that is being added.
    """

    __tablename__ = "passkey_challenge"

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    challenge: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    name: Mapped[str | None] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
