"""The history of one device, page by page: the newest reading first, its batteries together."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, and_, select, tuple_

from fleet.store.database import db
from fleet.store.models import BatteryPack, Reading, Zone

Key = tuple[datetime, int, int]
"""(`sampled_at`, `boot`, `seq`): the order of the history. Device clocks jump; this still ends."""


class BatteryRow(NamedTuple):
    slot: int
    serial: str | None
    soc_pct: int | None
    status: str | None
    power_source: str | None
    voltage_mv: int | None
    current_ma: int | None
    temp_c: float | None
    cycle_count: int | None
    remaining_mah: int | None
    full_charge_mah: int | None


class ReadingRow(NamedTuple):
    boot: int
    seq: int
    sampled_at: datetime
    received_at: datetime
    zone: str | None
    wifi_rssi_dbm: int | None
    batteries: list[BatteryRow]


class ReadingPage(NamedTuple):
    rows: list[ReadingRow]
    before: Key | None


_ORDER = (Reading.sampled_at, Reading.boot, Reading.seq)


def find_readings(
    device_pk: int,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Key | None = None,
    limit: int = 100,
) -> ReadingPage:
    """`since` is in it, `until` is not."""
    keys = _keys(device_pk, since, until, before).limit(limit + 1).subquery()
    query = (
        select(
            *_ORDER,
            Reading.received_at,
            Zone.code.label("zone"),
            Reading.wifi_rssi_dbm,
            Reading.slot,
            BatteryPack.serial,
            Reading.soc_pct,
            Reading.status,
            Reading.power_source,
            Reading.voltage_mv,
            Reading.current_ma,
            Reading.temp_c,
            Reading.cycle_count,
            Reading.remaining_mah,
            Reading.full_charge_mah,
        )
        .join(keys, and_(*(column == keys.c[column.key] for column in _ORDER)))
        .outerjoin(Zone, Zone.id == Reading.zone_id)
        .outerjoin(BatteryPack, BatteryPack.id == Reading.pack_id)
        .where(Reading.device_pk == device_pk)
        .order_by(*(column.desc() for column in _ORDER), Reading.slot)
    )
    rows = list(_gathered(db.session.execute(query)))
    last = rows[limit - 1] if len(rows) > limit else None
    return ReadingPage(rows[:limit], (last.sampled_at, last.boot, last.seq) if last else None)


def _keys(
    device_pk: int, since: datetime | None, until: datetime | None, before: Key | None
) -> Select[*tuple[Any, ...]]:
    query = select(*_ORDER).distinct().where(Reading.device_pk == device_pk)
    if since is not None:
        query = query.where(Reading.sampled_at >= since)
    if until is not None:
        query = query.where(Reading.sampled_at < until)
    if before is not None:
        # The first of the two is what an index can begin with.
        query = query.where(Reading.sampled_at <= before[0], tuple_(*_ORDER) < before)
    return query.order_by(*(column.desc() for column in _ORDER))


def _gathered(rows: Iterable[Row[*tuple[Any, ...]]]) -> Iterable[ReadingRow]:
    """One reading from the rows of its batteries. Zone and Wi-Fi stand in one of them."""
    for (sampled_at, boot, seq), group in groupby(rows, key=lambda row: tuple(row[:3])):
        members = list(group)
        yield ReadingRow(
            boot=boot,
            seq=seq,
            sampled_at=sampled_at,
            received_at=members[0].received_at,
            zone=_first(row.zone for row in members),
            wifi_rssi_dbm=_first(row.wifi_rssi_dbm for row in members),
            batteries=[BatteryRow(*row[6:]) for row in members if _has_battery(row)],
        )


def _has_battery(row: Row[*tuple[Any, ...]]) -> bool:
    return any(value is not None for value in row[7:])


def _first(values: Iterable[Any]) -> Any:
    return next((value for value in values if value is not None), None)
