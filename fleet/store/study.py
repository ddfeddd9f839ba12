"""What a study of packs reads, an hour of some devices at a time, and how it writes down."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, SmallInteger, func, select, type_coerce
from sqlalchemy.orm import Session

from fleet.store.battery import DeviceEndurance, PackState
from fleet.store.device import BatteryPack, Device, DeviceState
from fleet.store.driver import BulkInsert, BulkUpdate, among
from fleet.store.reading import POWER_SOURCES, STATUSES, Reading, readings_of
from fleet.store.rollup import HOUR
from fleet.store.site import Site, Ward
from fleet.store.types import milliseconds

Floats = NDArray[np.float64]

NOBODY = -1.0
"""In place of a pack or zone that a reading does not tell."""
SAYS_FULL = float(STATUSES.index("full"))
UNPLUGGED = float(POWER_SOURCES.index("none"))
_PLUGGED_STATUS = [float(STATUSES.index(word)) for word in ("charging", "full", "not_charging")]


class Readings(NamedTuple):
    """(readings,) each, in the order of device, slot and time. NaN is unknown."""

    device_pk: Floats
    slot: Floats
    at: Floats
    """Seconds since 1970."""
    pack_id: Floats
    zone_id: Floats
    soc: Floats
    """Fraction of full."""
    ma: Floats
    mv: Floats
    temp_c: Floats
    counter: Floats
    believed_mah: Floats
    status: Floats
    power: Floats

    def where(self, chosen: NDArray[Any]) -> Self:
        return type(self)(*(column[chosen] for column in self))

    @property
    def plugged(self) -> NDArray[np.bool_]:
        """By its source of power; where that is unknown, by its status."""
        known = np.isfinite(self.power)
        return np.where(known, self.power != UNPLUGGED, np.isin(self.status, _PLUGGED_STATUS))


_COLUMNS = (
    Reading.device_pk, Reading.slot, Reading.pack_id, Reading.zone_id, Reading.soc_pct,
    Reading.current_ma, Reading.voltage_mv, Reading.temp_c, Reading.cycle_count,
    Reading.full_charge_mah, Reading.status, Reading.power_source,
)  # fmt: skip


def readings_of_hour(session: Session, device_pks: Sequence[int], hour: datetime) -> Readings:
    """By their `moment`, as everywhere in the history."""
    within = among(session, Reading.device_pk, device_pks)
    row = readings_of(within, hour, hour + HOUR, *_COLUMNS).subquery().c
    asked = select(
        row.device_pk, row.slot, milliseconds(row.moment), row.pack_id, row.zone_id, row.soc_pct,
        row.current_ma, row.voltage_mv, row.temp_c, row.cycle_count, row.full_charge_mah,
        type_coerce(row.status, SmallInteger), type_coerce(row.power_source, SmallInteger),
    )  # fmt: skip
    # Tuples straight from the driver: some hundred thousand of them.
    rows = session.connection().execute(asked).cursor.fetchall()
    table = np.array(rows, dtype=np.float64).reshape(len(rows), len(Readings._fields))
    table = table[np.lexsort((table[:, 2], table[:, 1], table[:, 0]))]
    readings = Readings(*table.T)
    return readings._replace(
        at=readings.at / 1000, soc=readings.soc / 100,
        pack_id=np.nan_to_num(readings.pack_id, nan=NOBODY),
        zone_id=np.nan_to_num(readings.zone_id, nan=NOBODY),
    )  # fmt: skip


def packs_of(session: Session, device_pks: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Every pack of these devices, with its state where there is one; the newest last."""
    query = (
        select(BatteryPack, PackState)
        .outerjoin(PackState, PackState.pack_id == BatteryPack.id)
        .where(among(session, BatteryPack.device_pk, device_pks))
        .order_by(BatteryPack.id)
    )
    return session.execute(query).all()


def devices_of(session: Session, device_pks: Sequence[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """(device, its load in use, time zone, endurance) each."""
    query = (
        select(Device.id, DeviceState.load_ma, Site.timezone, DeviceEndurance)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
        .outerjoin(DeviceEndurance, DeviceEndurance.device_pk == Device.id)
        .where(among(session, Device.id, device_pks))
        .order_by(Device.id)
    )
    return session.execute(query).all()


def reported_packs(
    session: Session, device_pks: Sequence[int]
) -> dict[tuple[int, int], dict[str, Any]]:
    """By (device, slot): what the newest reading says of the pack, in its own words."""
    query = select(DeviceState.device_pk, DeviceState.batteries)
    rows = session.execute(query.where(among(session, DeviceState.device_pk, device_pks)))
    return {(pk, pack.get("slot", 0)): pack for pk, packs in rows for pack in packs}


def usable_of(session: Session, device_pks: Sequence[int]) -> dict[int, tuple[float, float]]:
    """By device: the learned capacity of its packs, mAh, and its relative deviation.

    Only of those of whose packs every one that is there is learned.
    """
    state, deviation = PackState, PackState.learned_deviation_mah
    query = (
        select(BatteryPack.device_pk, func.sum(state.learned_mah), func.sum(deviation * deviation))
        .join(state, state.pack_id == BatteryPack.id)
        .where(among(session, BatteryPack.device_pk, device_pks), state.removed_at.is_(None))
        .group_by(BatteryPack.device_pk)
        .having(func.count() == func.count(state.learned_mah))
    )
    rows: Sequence[Row[*tuple[Any, ...]]] = session.execute(query).all()
    return {pk: (mah, variance**0.5 / mah) for pk, mah, variance in rows}


def next_devices(session: Session, after: int, count: int) -> list[int]:
    devices = select(Device.id).where(Device.id > after).order_by(Device.id).limit(count)
    return list(session.scalars(devices))


LEARNED = (
    "studied_to", "age_cycles", "cycles_a_day", "wear", "worn_at", "run", "swings", "rest_mv",
    "learned_mah", "learned_deviation_mah", "health_pct", "health_deviation_pct",
    "health_source", "health_reason",
)  # fmt: skip
BEGIN_STATE = BulkInsert(
    PackState,
    ("pack_id", "studied_since", "studied_to", "age_cycles", "wear", "run", "swings", "rest_mv"),
)
WRITE_STATE = BulkUpdate(PackState, "pack_id", (), LEARNED)
BEGIN_ENDURANCE = BulkInsert(DeviceEndurance, ("device_pk", "profile", "hours_seen"))
WRITE_ENDURANCE = BulkUpdate(
    DeviceEndurance,
    "device_pk",
    (),
    ("usable_mah", "capacity_spread", "load_spread", "profile", "hours_seen"),
)
