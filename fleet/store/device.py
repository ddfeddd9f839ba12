"""Devices, their current state, their battery packs, and the words they are found by."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.domain.words import Availability, Lifecycle
from fleet.store.database import Base
from fleet.store.site import Ward
from fleet.store.types import Instant

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def _partial_index(name: str, column: str, condition: str, sqlite: str | None = None) -> Index:
    """SQLite takes it for a query only where the query says the condition in the same words."""
    where = text(condition)
    return Index(name, column, postgresql_where=where, sqlite_where=text(sqlite or condition))


class Device(Base):
    """A managed cart or tablet. `device_id` is its MQTT identity, `asset_tag` its label."""

    __tablename__ = "device"
    __table_args__ = (Index("ix_device_ward_kind", "ward_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    device_id: Mapped[str] = mapped_column(String(63), unique=True)
    asset_tag: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(32))
    model: Mapped[str | None] = mapped_column(String(64))
    serial: Mapped[str | None] = mapped_column(String(64))
    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"))
    lifecycle: Mapped[str] = mapped_column(String(16), default=Lifecycle.ENROLLED)
    created_at: Mapped[datetime] = mapped_column(Instant)
    version: Mapped[int] = mapped_column(default=1)
    """Rises with every change by people; If-Match compares it."""
    pending: Mapped[bool] = mapped_column(default=False, server_default=false())
    """It has shown its token and waits for approval: what it says does not count yet."""

    ward: Mapped[Ward] = relationship()
    state: Mapped["DeviceState"] = relationship(back_populates="device")


class DeviceState(Base):
    """What the device is now, by its newest reading in the order of (`boot`, `seq`).

    One row a device, made with it. `offline_after` is the deadline by which it must speak again.
    `batteries`, `apps` and `system` are the newest reading's own words.

    No index has a column that changes with every report: PostgreSQL then writes the new version of
    the row into the same page, of which a part is left free for it, and touches no index (HOT).
    """

    __tablename__ = "device_state"
    __table_args__ = (
        _partial_index("ix_device_state_check", "check_after", "online", sqlite="online = 1"),
        _partial_index("ix_device_state_alert", "alert_after", "alert_after IS NOT NULL"),
        _partial_index("ix_device_state_outage", "outage_id", "outage_id IS NOT NULL"),
        Index("ix_device_state_availability", "availability"),
        _partial_index("ix_device_state_hold", "hold", "hold IS NOT NULL"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    boot: Mapped[int] = mapped_column(BigInteger, default=-1)
    seq: Mapped[int] = mapped_column(BigInteger, default=-1)
    session_boot: Mapped[int] = mapped_column(BigInteger, default=-1)
    session: Mapped[int] = mapped_column(BigInteger, default=-1)
    online: Mapped[bool] = mapped_column(default=False)
    sampled_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the values were measured, by the service's clock (`domain.age`)."""
    last_seen_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the device was last heard, whatever it said."""
    rebirth_asked_at: Mapped[datetime | None] = mapped_column(Instant)
    offline_after: Mapped[datetime | None] = mapped_column(Instant)
    check_after: Mapped[datetime] = mapped_column(Instant, default=NEVER)
    """While it is online: when `mark_silent` next compares `offline_after`, and moves this on."""
    alert_after: Mapped[datetime | None] = mapped_column(Instant)
    """Silent since lately: when an alert of its own is due, unless it is part of an outage."""
    outage_id: Mapped[int | None] = mapped_column(ForeignKey("outage.alert_id"))
    availability: Mapped[str] = mapped_column(String(16), default=Availability.UNKNOWN)
    reason: Mapped[str | None] = mapped_column(String(256))
    hold: Mapped[str | None] = mapped_column(String(24))
    """What people say of it beside (`domain.holding`); ingest never writes it."""
    soc_pct: Mapped[int | None] = mapped_column(SmallInteger)
    plugged_in: Mapped[bool | None]
    charging: Mapped[bool] = mapped_column(default=False)
    load_ma: Mapped[float | None]
    runtime_min: Mapped[int | None]
    full_in_min: Mapped[int | None]
    promised_min: Mapped[int | None]
    empty_min: Mapped[int | None]
    short_since: Mapped[datetime | None] = mapped_column(Instant)
    needs_charging: Mapped[bool] = mapped_column(default=False)
    not_charging: Mapped[bool] = mapped_column(default=False)
    replacement: Mapped[str | None] = mapped_column(String(256))
    soh_pct: Mapped[int | None] = mapped_column(SmallInteger)
    failed_apps: Mapped[list[str]] = mapped_column(JSON, default=list)
    zone_code: Mapped[str | None] = mapped_column(String(64))
    unpowered_since: Mapped[datetime | None] = mapped_column(Instant)
    """It stands where devices are charged, and nothing comes (`services.watch_packs`)."""
    clock_ok: Mapped[bool] = mapped_column(default=True)
    batteries: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    apps: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    system: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    agent: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the device said of itself in its birth."""

    device: Mapped[Device] = relationship(back_populates="state")


class BatteryPack(Base):
    """A pack by its serial, in the slot of the device where it was first heard of.

    One that tells no serial has '' for it, and a row once its readings are studied. Where another
    unnamed pack takes its place that is the next `generation`; packs with a serial are 0 there.
    """

    __tablename__ = "battery_pack"
    __table_args__ = (
        UniqueConstraint("device_pk", "slot", "serial", "generation"),
        Index("ix_battery_pack_model", "model"),
        Index("ix_battery_pack_serial", text("lower(serial)")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"))
    slot: Mapped[int] = mapped_column(SmallInteger)
    serial: Mapped[str] = mapped_column(String(64))
    model: Mapped[str | None] = mapped_column(String(64))
    chemistry: Mapped[str | None] = mapped_column(String(16))
    design_mah: Mapped[int | None]
    first_seen_at: Mapped[datetime] = mapped_column(Instant)
    generation: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    bought_on: Mapped[date | None]
    """As people know it; else its warranty is counted from `first_seen_at`."""


class SearchToken(Base):
    """A word by which a device is found: searched by its beginning, so that an index serves it."""

    __tablename__ = "search_token"

    token: Mapped[str] = mapped_column(String(64), primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True, index=True)
