"""Rollups computed in the database: an hour from its readings, a day from its hours."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, case, func, literal, select
from sqlalchemy.orm import Session

from fleet.store.bulk import insert_for
from fleet.store.reading import Reading, readings_of
from fleet.store.rollup import DAY, HOUR, DailyRollup, HourlyRollup, Rollup, day_of
from fleet.store.types import Instant, milliseconds

_SUMS = (
    "readings",
    "current_readings",
    "charging_readings",
    "discharge_ma_sum",
    "charge_ma_sum",
    "soc_pct_sum",
)
_MOST = ("soc_pct_max", "temp_c_max", "pack_id", "cycle_count", "full_charge_mah")
_CHARGES = ("soc_pct_sum", "soc_pct_min", "soc_pct_max", "soc_pct_first", "soc_pct_last")
_PLACES = 128
"""A charge in percent is less, so that a moment times this plus the charge tells both."""


def refresh_hour(session: Session, hour: datetime, device_pks: Sequence[int]) -> None:
    """Roll up that hour of these devices from the readings, then the day that it belongs to."""
    readings = rollups_of_one(Reading.device_pk.in_(device_pks), hour, hour + HOUR)
    _upsert(session, HourlyRollup, hour, readings)
    day = day_of(hour)
    hours = (
        select(HourlyRollup.__table__)
        .where(HourlyRollup.device_pk.in_(device_pks))
        .where(HourlyRollup.start >= day, HourlyRollup.start < day + DAY)
    )
    _upsert(session, DailyRollup, day, hours)


def rollups_of_one(
    devices: ColumnElement[bool], since: datetime, until: datetime
) -> Select[*tuple[Any, ...]]:
    """Each reading that tells a charge as the rollup of itself alone; `start` is its moment."""
    columns = (
        Reading.device_pk,
        Reading.slot,
        Reading.soc_pct,
        Reading.status,
        Reading.current_ma,
        Reading.temp_c,
        Reading.pack_id,
        Reading.cycle_count,
        Reading.full_charge_mah,
    )
    row = readings_of(devices, since, until, *columns).subquery().c
    return select(
        row.device_pk,
        row.slot,
        row.moment.label("start"),
        literal(1, Integer).label("readings"),
        case((row.current_ma.is_(None), 0), else_=1).label("current_readings"),
        case((row.status == "charging", 1), else_=0).label("charging_readings"),
        case((row.current_ma < 0, -row.current_ma), else_=0).label("discharge_ma_sum"),
        case((row.current_ma > 0, row.current_ma), else_=0).label("charge_ma_sum"),
        *(row.soc_pct.label(name) for name in _CHARGES),
        row.temp_c.label("temp_c_max"),
        row.pack_id,
        row.cycle_count,
        row.full_charge_mah,
    ).where(row.soc_pct.is_not(None))


def _upsert(
    session: Session, rollup: type[Rollup], start: datetime, parts: Select[*tuple[Any, ...]]
) -> None:
    """The parts of each battery as one rollup.

    A rollup only ever grows: one of fewer readings than are known was computed from what
    retention has left of them.
    """
    part = parts.subquery().c
    values = _merged(part)
    battery = part.device_pk, part.slot
    computed = select(literal(start, Instant), *battery, *values.values()).group_by(*battery)
    names = ["start", "device_pk", "slot", *values]
    insert = insert_for(session, rollup).from_select(names, computed)
    session.execute(
        insert.on_conflict_do_update(
            index_elements=["device_pk", "start", "slot"],
            set_={name: insert.excluded[name] for name in values},
            where=insert.excluded.readings > rollup.readings,
        )
    )


def _merged(part: Any) -> dict[str, ColumnElement[Any]]:
    """What the columns of several rollups (`part`) come to in the one that they add up to.

    Of readings of one moment the first is the one of the least charge, the last the one of most.
    """
    moment = milliseconds(part.start) * _PLACES
    return {
        **{name: func.sum(part[name]) for name in _SUMS},
        **{name: func.max(part[name]) for name in _MOST},
        "soc_pct_min": func.min(part.soc_pct_min),
        "soc_pct_first": func.min(moment + part.soc_pct_first) % _PLACES,
        "soc_pct_last": func.max(moment + part.soc_pct_last) % _PLACES,
    }
