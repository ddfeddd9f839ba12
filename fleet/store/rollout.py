"""Rollouts, their rings and devices; who has another version meanwhile; and the switch for all."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    TextClause,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from fleet.domain.rollout.words import AT_WORK, JobState, RolloutState
from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant


def _state_in(words: Iterable[str], table: str = "") -> TextClause:
    """In the words of an index, or SQLite would not take that."""
    quoted = ", ".join(f"'{word}'" for word in sorted(words))
    return text(f"{table}state IN ({quoted})")


_LATE = (JobState.MISSED, JobState.TIMED_OUT)
IS_AT_WORK = _state_in(AT_WORK, "rollout_device.")
IS_LATE = _state_in(_LATE, "rollout_device.")
"""Of these a device may get still what it was to get."""


class Rollout(Base):
    """One version to the devices of one scope, as an assignment has it.

    `target_slug` and `target_version`: a profile's and its number, or a release's.
    `former_version`: what the assignment had before; None where there was none. `version` rises
    with every change.
    """

    __tablename__ = "rollout"
    __table_args__ = (Index("ix_rollout_state", "state"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    target: Mapped[str] = mapped_column(String(16))
    target_slug: Mapped[str] = mapped_column(String(64))
    target_version: Mapped[str] = mapped_column(String(64))
    former_version: Mapped[str | None] = mapped_column(String(64))
    scope: Mapped[str] = mapped_column(String(16))
    scope_key: Mapped[str] = mapped_column(String(64))
    plan: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str] = mapped_column(String(16), default=RolloutState.PROPOSED)
    reason: Mapped[str | None] = mapped_column(String(256))
    """Why it is in this state, where it is not for going on."""
    reverts_id: Mapped[int | None] = mapped_column(ForeignKey("rollout.id"))
    """The rollout whose devices this one brings back to the former version."""
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    approved_by: Mapped[str | None] = mapped_column(String(80))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)


class RolloutRing(Base):
    """A slice of a rollout; the canaries are number 0. `forgiven`: `domain.rollout.gates`."""

    __tablename__ = "rollout_ring"

    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"), primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    passed_at: Mapped[datetime | None] = mapped_column(Instant)
    forgiven: Mapped[int] = mapped_column(default=0)


class RolloutDevice(Base):
    """One device of a rollout. At most one is at work for a device, whatever the rollout.

    `generation`: of its desired state, with which it was offered. `ward_id`: its home then.
    """

    __tablename__ = "rollout_device"
    __table_args__ = (
        Index("ix_rollout_device_ring", "rollout_id", "ring", "state"),
        Index(
            "uq_rollout_device_at_work",
            "device_pk",
            unique=True,
            sqlite_where=_state_in(AT_WORK),
            postgresql_where=_state_in(AT_WORK),
        ),
        Index("ix_rollout_device_device", "device_pk"),
        Index(
            "ix_rollout_device_late",
            "rollout_id",
            sqlite_where=_state_in(_LATE),
            postgresql_where=_state_in(_LATE),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"))
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"))
    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"))
    ring: Mapped[int] = mapped_column(SmallInteger)
    state: Mapped[str] = mapped_column(String(16), default=JobState.QUEUED)
    reason: Mapped[str | None] = mapped_column(String(256))
    generation: Mapped[int | None] = mapped_column(BigInteger)
    offered_at: Mapped[datetime | None] = mapped_column(Instant)
    deadline: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class FirmwareJob(Base):
    """What a device of a firmware rollout was offered, and what it has said of it last.

    `said_at`: when the offer was last put into the outbox. `changed_at`: when the device last came
    further.
    """

    __tablename__ = "firmware_job"

    rollout_device_id: Mapped[int] = mapped_column(
        ForeignKey("rollout_device.id"), primary_key=True, autoincrement=False
    )
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    job_id: Mapped[str] = mapped_column(String(64), index=True)
    said_at: Mapped[datetime] = mapped_column(Instant)
    boot: Mapped[int | None] = mapped_column(BigInteger)
    seq: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[str | None] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(256))
    firmware: Mapped[str | None] = mapped_column(String(64))
    progress_pct: Mapped[int | None] = mapped_column(SmallInteger)
    changed_at: Mapped[datetime | None] = mapped_column(Instant)


class ProfilePin(Base):
    """A device that has another version than its assignment says, because of a rollout.

    While the rollout goes on that is the new version; once it is completed, the former one, of a
    device for which there was no safe moment. `profile_version_id` None: as if nothing were
    assigned there.
    """

    __tablename__ = "profile_pin"
    __table_args__ = (
        Index("ix_profile_pin_assigned", "profile_id", "scope", "scope_key"),
        Index("ix_profile_pin_rollout", "rollout_id"),
    )

    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"))
    scope: Mapped[str] = mapped_column(String(16))
    scope_key: Mapped[str] = mapped_column(String(64))
    profile_version_id: Mapped[int | None] = mapped_column(ForeignKey("profile_version.id"))
    rollout_id: Mapped[int] = mapped_column(ForeignKey("rollout.id"))


class Blackout(Base):
    """An emergency: no rollout offers anything to anybody, from its beginning to its end."""

    __tablename__ = "blackout"

    id: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(String(256))
    began_at: Mapped[datetime] = mapped_column(Instant)
    began_by: Mapped[str] = mapped_column(String(80))
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[str | None] = mapped_column(String(80))


class DeviceCommand(Base):
    """An instruction to one device, with an expiry (`domain.commands`)."""

    __tablename__ = "device_command"
    __table_args__ = (
        Index("ix_device_command_device", "device_pk", "id"),
        Index("ix_device_command_state", "state", "expires_at"),
        NEVER_AGAIN,
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"))
    name: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16))
    detail: Mapped[str | None] = mapped_column(String(256))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(Instant)
    published_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
