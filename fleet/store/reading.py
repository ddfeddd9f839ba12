"""The history: every reading of every device, one row for each battery in it."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    REAL,
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    TextClause,
    or_,
    select,
    text,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from fleet.domain.age import AHEAD_AT_MOST, NOT_BEFORE
from fleet.store.database import Base, db
from fleet.store.types import Instant, Word, to_ms

STATUSES = ("charging", "discharging", "full", "not_charging")
POWER_SOURCES = ("none", "mains", "dock", "usb")

MISDATED = {
    "sqlite": f"(sampled_at < {to_ms(NOT_BEFORE)}"
    f" OR sampled_at - received_at > {AHEAD_AT_MOST // timedelta(milliseconds=1)})",
    "postgresql": f"(sampled_at < '{NOT_BEFORE.isoformat()}'::timestamptz"
    f" OR sampled_at - received_at > '{AHEAD_AT_MOST.total_seconds():.0f} s'::interval)",
}
"""By database: the device's clock cannot be believed (`domain.age`). Spelt out, not bound: that
alone lets the index over just these rows be found."""


class Reading(Base):
    """(`device_pk`, `boot`, `seq`) is the reading, `slot` the battery (0 where there is none).

    `sampled_at` is what the device's clock said, the same at every resend; it stands in the key
    because PostgreSQL partitions by it, and because a device's history is read in its order.
    Clustered by its key on SQLite. Zone and Wi-Fi stand in the first of a reading's rows.

    No foreign key to `device`: no device is ever deleted, ingest holds its row while it writes, and
    a partition without one is dropped without a lock on `device`. Wide columns come first, so that
    PostgreSQL pads none of them.
    """

    __tablename__ = "reading"
    __table_args__ = (
        PrimaryKeyConstraint("device_pk", "sampled_at", "boot", "seq", "slot"),
        Index(
            "ix_reading_misdated",
            "device_pk",
            "received_at",
            sqlite_where=text(MISDATED["sqlite"]),
            postgresql_where=text(MISDATED["postgresql"]),
        ),
        {"sqlite_with_rowid": False, "postgresql_partition_by": "RANGE (sampled_at)"},
    )

    sampled_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
    boot: Mapped[int] = mapped_column(BigInteger)
    seq: Mapped[int] = mapped_column(BigInteger)
    device_pk: Mapped[int]
    pack_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    voltage_mv: Mapped[int | None]
    current_ma: Mapped[int | None]
    temp_c: Mapped[float | None] = mapped_column(REAL)
    cycle_count: Mapped[int | None]
    remaining_mah: Mapped[int | None]
    full_charge_mah: Mapped[int | None]
    slot: Mapped[int] = mapped_column(SmallInteger)
    wifi_rssi_dbm: Mapped[int | None] = mapped_column(SmallInteger)
    soc_pct: Mapped[int | None] = mapped_column(SmallInteger)
    status: Mapped[str | None] = mapped_column(Word(STATUSES))
    power_source: Mapped[str | None] = mapped_column(Word(POWER_SOURCES))


def is_misdated() -> TextClause:
    return text(MISDATED[db.engine.dialect.name])


def is_dated() -> TextClause:
    return text(f"NOT {MISDATED[db.engine.dialect.name]}")


def readings_of(
    devices: ColumnElement[bool],
    since: datetime,
    until: datetime,
    *columns: InstrumentedAttribute[Any],
) -> CompoundSelect[*tuple[Any, ...]]:
    """Readings in [since, until) by their `moment`: the device's time, or that of their arrival.

    `devices`: a condition on `device_pk`. Two index ranges: the key, and the few misdated.
    """

    def by(
        moment: InstrumentedAttribute[datetime], *conditions: ColumnElement[bool] | TextClause
    ) -> Any:
        within = devices, moment >= since, moment < until
        return select(moment.label("moment"), *columns).where(*within, *conditions)

    # Follows from the rest, and lets PostgreSQL pass over the partitions of before.
    elsewhere = or_(Reading.sampled_at < NOT_BEFORE, Reading.sampled_at > since)
    return union_all(
        by(Reading.sampled_at, is_dated()),
        by(Reading.received_at, elsewhere, is_misdated()),
    )
