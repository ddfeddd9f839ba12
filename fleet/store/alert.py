"""Alerts (one open condition for one device and kind) and transitions (what changed when)."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.domain.words import AlertState
from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.device import Device
from fleet.store.types import Instant

_STANDING = text("state <> 'resolved'")


class Alert(Base):
    """At most one that is not resolved for a device and kind: the database sees to it."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "uq_alert_standing",
            "device_pk",
            "kind",
            unique=True,
            sqlite_where=_STANDING,
            postgresql_where=_STANDING,
        ),
        Index("ix_alert_state_opened", "state", "opened_at"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"))
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16), default=AlertState.OPEN)
    detail: Mapped[str | None] = mapped_column(String(256))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    acknowledged_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_by: Mapped[str | None] = mapped_column(String(80))
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)

    device: Mapped[Device] = relationship()


class Transition(Base):
    """A recorded change of one aspect of a device (`availability`, `compliance`, ...)."""

    __tablename__ = "transition"
    __table_args__ = (Index("ix_transition_device", "device_pk", "id"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"))
    at: Mapped[datetime] = mapped_column(Instant)
    aspect: Mapped[str] = mapped_column(String(32))
    old: Mapped[str | None] = mapped_column(String(256))
    new: Mapped[str | None] = mapped_column(String(256))
    detail: Mapped[str | None] = mapped_column(String(256))
