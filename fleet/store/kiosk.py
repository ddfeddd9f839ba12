"""Screens on wards, the badges people hold to them, and the short sessions that come of it."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.people import User
from fleet.store.site import Ward
from fleet.store.types import Instant

_STANDING = text("revoked_at IS NULL")


class Badge(Base):
    """`key` is a keyed hash of what the reader types; the badge's own id is nowhere.

    `tries` PINs have been tried since `tried_since`; the right one takes them back.
    """

    __tablename__ = "badge"
    __table_args__ = (
        Index(
            "uq_badge_key", "key", unique=True, sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        NEVER_AGAIN,
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"), index=True)
    key: Mapped[str] = mapped_column(String(64))
    pin_hash: Mapped[str | None] = mapped_column(String(256))
    made_at: Mapped[datetime] = mapped_column(Instant)
    made_by: Mapped[str] = mapped_column(String(80))
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    tries: Mapped[int] = mapped_column(default=0)
    tried_since: Mapped[datetime | None] = mapped_column(Instant)
    user: Mapped[User] = relationship()


class Kiosk(Base):
    """A screen on a ward. It has a code, once, until it has a token: both as their hashes."""

    __tablename__ = "kiosk"
    __table_args__ = NEVER_AGAIN

    id: Mapped[int] = mapped_column(primary_key=True)
    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    code_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    code_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(Instant)
    made_by: Mapped[str] = mapped_column(String(80))
    registered_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    ward: Mapped[Ward] = relationship()


class KioskSession(Base):
    """Somebody stands before a screen. Over at `idle_at`, which each touch moves on, or `ends_at`.

    `pin_at` None: the badge alone was shown, which changes nothing (control 32).
    """

    __tablename__ = "kiosk_session"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kiosk_id: Mapped[int] = mapped_column(ForeignKey("kiosk.id"), index=True)
    badge_id: Mapped[int] = mapped_column(ForeignKey("badge.id"), index=True)
    began_at: Mapped[datetime] = mapped_column(Instant)
    pin_at: Mapped[datetime | None] = mapped_column(Instant)
    idle_at: Mapped[datetime] = mapped_column(Instant)
    ends_at: Mapped[datetime] = mapped_column(Instant, index=True)
    kiosk: Mapped[Kiosk] = relationship()
    badge: Mapped[Badge] = relationship()
