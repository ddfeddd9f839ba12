"""Rollups: what the readings of an hour, and of a day, come to for each battery of a device."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import REAL, BigInteger, PrimaryKeyConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def hour_of(moment: datetime) -> datetime:
    """The beginning of its hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def day_of(moment: datetime) -> datetime:
    """The beginning of its day, in UTC."""
    return hour_of(moment).replace(hour=0)


class Rollup(Base):
    """Readings that tell a charge, from `start` on for an hour or a day.

    Sums and counts rather than means: hours add up to days and to the buckets of a chart without
    loss. Current is summed apart for both directions, so that load and throughput can be told.
    `pack_id`: the pack newest to the service of those heard of. Times are in UTC.
    """

    __abstract__ = True
    __table_args__ = (
        PrimaryKeyConstraint("device_pk", "start", "slot"),
        {"sqlite_with_rowid": False},
    )

    start: Mapped[datetime] = mapped_column(Instant)
    discharge_ma_sum: Mapped[int] = mapped_column(BigInteger)
    charge_ma_sum: Mapped[int] = mapped_column(BigInteger)
    device_pk: Mapped[int]
    readings: Mapped[int]
    current_readings: Mapped[int]
    """Those of them that tell a current."""
    charging_readings: Mapped[int]
    soc_pct_sum: Mapped[int]
    temp_c_max: Mapped[float | None] = mapped_column(REAL)
    pack_id: Mapped[int | None]
    cycle_count: Mapped[int | None]
    full_charge_mah: Mapped[int | None]
    slot: Mapped[int] = mapped_column(SmallInteger)
    soc_pct_min: Mapped[int] = mapped_column(SmallInteger)
    soc_pct_max: Mapped[int] = mapped_column(SmallInteger)
    soc_pct_first: Mapped[int] = mapped_column(SmallInteger)
    soc_pct_last: Mapped[int] = mapped_column(SmallInteger)


class HourlyRollup(Rollup):
    __tablename__ = "reading_hourly"


class DailyRollup(Rollup):
    __tablename__ = "reading_daily"


class RollupDue(Base):
    """An hour of a device for which readings came after it had been rolled up."""

    __tablename__ = "rollup_due"
    __table_args__ = (PrimaryKeyConstraint("hour", "device_pk"), {"sqlite_with_rowid": False})

    hour: Mapped[datetime] = mapped_column(Instant)
    device_pk: Mapped[int]


class RollupProgress(Base):
    """How far the rollups are; one row.

    `open_hour`: the first hour that still takes readings without more ado; for those before it a
    late reading is marked in `rollup_due`. `swept_to`: of the hour before it, devices up to this
    key are rolled up; None once all of them are.
    """

    __tablename__ = "rollup_progress"

    id: Mapped[int] = mapped_column(primary_key=True)
    open_hour: Mapped[datetime] = mapped_column(Instant)
    swept_to: Mapped[int | None]
