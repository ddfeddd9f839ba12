"""How a device comes by its certificate: the token on its label, and what was signed for it."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.device import Device
from fleet.store.types import Instant


class EnrolmentToken(Base):
    """Used once; only its hash is kept. `key_sha256`: of the public key that it was used for."""

    __tablename__ = "enrolment_token"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    approved: Mapped[bool]
    """By whoever made it, beforehand, or once it was used."""
    used_at: Mapped[datetime | None] = mapped_column(Instant)
    key_sha256: Mapped[str | None] = mapped_column(String(64))
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    """A newer one was made, or IT refused the device."""

    device: Mapped[Device] = relationship()


class Certificate(Base):
    """Signed for a device. `token_id` is None for a renewal."""

    __tablename__ = "certificate"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    token_id: Mapped[int | None] = mapped_column(ForeignKey("enrolment_token.id"), index=True)
    serial: Mapped[str] = mapped_column(String(40), unique=True)
    """Hexadecimal."""
    issued_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    pem: Mapped[str] = mapped_column(Text)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    dropped_at: Mapped[datetime | None] = mapped_column(Instant)
    """When its session was known to be over, after it was revoked."""

    device: Mapped[Device] = relationship()
