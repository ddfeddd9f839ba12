"""Alerts (one open condition for one subject and kind) and transitions (what changed when)."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from fleet.domain.words import AlertState
from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant

_STANDING = text("state <> 'resolved'")
_HAS_ENDED = text("outcome IS NOT NULL")
_ONE_SUBJECT = (
    " + ".join(
        f"CASE WHEN {subject} IS NULL THEN 0 ELSE 1 END"
        for subject in ("device_pk", "ward_id", "site_id", "rollout_id")
    )
    + " = 1"
)


def _one_standing(name: str, subject: str) -> Index:
    """At most one alert that is not resolved for a subject and kind. NULLs never collide."""
    return Index(
        name, subject, "kind", unique=True, sqlite_where=_STANDING, postgresql_where=_STANDING
    )


class Alert(Base):
    """What is wrong with its one subject: a device, a whole ward or site, or a rollout."""

    __tablename__ = "alert"
    __table_args__ = (
        _one_standing("uq_alert_standing", "device_pk"),
        _one_standing("uq_alert_standing_ward", "ward_id"),
        _one_standing("uq_alert_standing_site", "site_id"),
        _one_standing("uq_alert_standing_rollout", "rollout_id"),
        Index("ix_alert_state_opened", "state", "opened_at"),
        Index(
            "ix_alert_outcome",
            "opened_at",
            "was_right",
            sqlite_where=_HAS_ENDED,
            postgresql_where=_HAS_ENDED,
        ),
        CheckConstraint(_ONE_SUBJECT, "ck_alert_one_subject"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int | None] = mapped_column(ForeignKey("device.id"))
    ward_id: Mapped[int | None] = mapped_column(ForeignKey("ward.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))
    rollout_id: Mapped[int | None] = mapped_column(ForeignKey("rollout.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(16), default=AlertState.OPEN)
    detail: Mapped[str | None] = mapped_column(String(256))
    opened_at: Mapped[datetime] = mapped_column(Instant)
    acknowledged_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_by: Mapped[str | None] = mapped_column(String(80))
    escalated_at: Mapped[datetime | None] = mapped_column(Instant)
    """When it became pressing because nobody had done anything about it; once at most."""
    resolved_at: Mapped[datetime | None] = mapped_column(Instant)
    outcome: Mapped[str | None] = mapped_column(String(16))
    """Of a call to charge: what became of it (`domain.calls`)."""
    was_right: Mapped[bool | None]
    """Whether it is one to believe, by its outcome."""
    version: Mapped[int] = mapped_column(default=1)


class Outage(Base):
    """What an alert of kind `outage` is about: the devices that fell silent together.

    They are those whose `DeviceState.outage_id` it is. `since`: the last word of any of them.
    `devices`: of the ward or site, that were to be heard of before it.
    """

    __tablename__ = "outage"

    alert_id: Mapped[int] = mapped_column(
        ForeignKey("alert.id", ondelete="CASCADE"), primary_key=True
    )
    since: Mapped[datetime] = mapped_column(Instant)
    devices: Mapped[int]
    fell: Mapped[int]
    silent: Mapped[int]
    """How many of those that fell are silent still."""


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
