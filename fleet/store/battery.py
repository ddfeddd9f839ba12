"""What is learned of battery packs, kept so that no night's run has to read the history."""

from datetime import date, datetime

from sqlalchemy import REAL, ForeignKey, Index, LargeBinary, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant

_IN_USE = text("removed_at IS NULL")


def _index_in_use(name: str, column: str) -> Index:
    """In the order of the column, and packs that are alike in it by their ids."""
    return Index(name, column, "pack_id", sqlite_where=_IN_USE, postgresql_where=_IN_USE)


class PackState(Base):
    """One pack, as far as its readings are studied; made when the first of them are.

    Binary columns are packed arrays: `wear` of float32 (`store.packed`), `run`, `swings` and
    `rest_mv` of float64. Percent of design capacity, mAh, equivalent full cycles.
    """

    __tablename__ = "pack_state"
    __table_args__ = (
        _index_in_use("ix_pack_state_falls", "falls_on"),
        _index_in_use("ix_pack_state_falls_from", "falls_from"),
        _index_in_use("ix_pack_state_health", "health_pct"),
    )

    pack_id: Mapped[int] = mapped_column(ForeignKey("battery_pack.id"), primary_key=True)
    studied_since: Mapped[datetime] = mapped_column(Instant)
    studied_to: Mapped[datetime] = mapped_column(Instant)
    """Readings from before it are counted in; those that came later than that never will be."""
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    """Since when another pack is in its slot."""

    age_cycles: Mapped[float] = mapped_column(default=0.0)
    cycles_a_day: Mapped[float | None]
    wear: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """Health against throughput in 48 bins (`domain.battery.wear`)."""
    worn_at: Mapped[datetime | None] = mapped_column(Instant)
    """When `wear` last took in a health."""
    run: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """The swing under way (`domain.battery.swings.Run`)."""
    swings: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """The best of the newest swings that were wide enough to tell a capacity."""
    rest_mv: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """The usual voltage at rest by tenths of charge; NaN where it never rested."""

    learned_mah: Mapped[float | None]
    """Full capacity by coulomb counting."""
    learned_deviation_mah: Mapped[float | None]
    health_pct: Mapped[float | None]
    health_deviation_pct: Mapped[float | None]
    health_source: Mapped[str | None] = mapped_column(String(8))
    """`counted`: by swings of known charge; `gauge`: only what the pack says of itself."""
    health_reason: Mapped[str | None] = mapped_column(String(128))
    """Why the health is not known better."""

    threshold_pct: Mapped[float | None]
    falls_on: Mapped[date | None]
    """When health falls below the threshold; from `falls_from` to `falls_until` four times in
    five. NULL where that is not known, and `why` says so."""
    falls_from: Mapped[date | None]
    falls_until: Mapped[date | None]
    model_known: Mapped[bool | None]
    why: Mapped[str | None] = mapped_column(String(256))
    forecast_at: Mapped[datetime | None] = mapped_column(Instant)


class DeviceEndurance(Base):
    """What a promise of runtime needs beside the newest reading; one row a device, once learned."""

    __tablename__ = "device_endurance"

    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    usable_mah: Mapped[float | None]
    """Learned capacity of all packs in the device; NULL until each of them is learned."""
    capacity_spread: Mapped[float | None] = mapped_column(REAL)
    """Its relative standard deviation."""
    load_spread: Mapped[float | None] = mapped_column(REAL)
    """Relative deviation of an hour's mean draw from the profile; NULL until known."""
    profile: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """168 float32, mA: mean draw in use by hour of the week from Monday 00:00 in the site's time
    zone; NaN for hours in which it was never used."""
    hours_seen: Mapped[int] = mapped_column(default=0)
    """Hours of use that the profile was learned from."""


class PackModel(Base):
    """What purchasing knows of a model of pack; entered by people."""

    __tablename__ = "pack_model"

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(64), unique=True)
    chemistry: Mapped[str | None] = mapped_column(String(16))
    price_cents: Mapped[int | None]
    """Hundredths of the currency."""
    currency: Mapped[str | None] = mapped_column(String(3))
    """ISO 4217."""
    warranty_months: Mapped[int | None] = mapped_column(SmallInteger)
    warranty_cycles: Mapped[int | None]
    lead_time_weeks: Mapped[int | None] = mapped_column(SmallInteger)
    threshold_pct: Mapped[int | None] = mapped_column(SmallInteger)
    """Health below which this model is replaced, where it is not that of the policy."""
    version: Mapped[int] = mapped_column(default=1)


class StudyProgress(Base):
    """How far the packs are studied; one row. Like `RollupProgress`, and some time behind it."""

    __tablename__ = "study_progress"

    id: Mapped[int] = mapped_column(primary_key=True)
    open_hour: Mapped[datetime] = mapped_column(Instant)
    swept_to: Mapped[int | None]
