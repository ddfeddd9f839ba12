"""The history: every reading of every device, one row for each battery in it."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant, Word

STATUSES = ("charging", "discharging", "full", "not_charging")
POWER_SOURCES = ("none", "mains", "dock", "usb")


class Reading(Base):
    """(`device_pk`, `boot`, `seq`) is the reading, `slot` the battery (0 where there is none).

    Zone and Wi-Fi stand in the first of a reading's rows. Clustered by its key on SQLite.
    """

    __tablename__ = "reading"
    __table_args__ = (
        Index("ix_reading_device_sampled", "device_pk", "sampled_at"),
        Index("ix_reading_received", "received_at"),
        {"sqlite_with_rowid": False},
    )

    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), primary_key=True)
    boot: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    sampled_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
    pack_id: Mapped[int | None]
    zone_id: Mapped[int | None]
    wifi_rssi_dbm: Mapped[int | None] = mapped_column(SmallInteger)
    soc_pct: Mapped[int | None] = mapped_column(SmallInteger)
    status: Mapped[str | None] = mapped_column(Word(STATUSES))
    power_source: Mapped[str | None] = mapped_column(Word(POWER_SOURCES))
    voltage_mv: Mapped[int | None]
    current_ma: Mapped[int | None]
    temp_c: Mapped[float | None]
    cycle_count: Mapped[int | None]
    remaining_mah: Mapped[int | None]
    full_charge_mah: Mapped[int | None]
