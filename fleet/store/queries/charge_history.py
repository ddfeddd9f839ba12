"""A device's charge over a span of time, gathered into buckets by the database."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, cast, func, select, union_all

from fleet.store.database import db
from fleet.store.models import DailyRollup, HourlyRollup, Reading, RollupProgress
from fleet.store.rollup import DAY, HOUR, Rollup, day_of, hour_of
from fleet.store.rollup_refresh import rollups_of_one
from fleet.store.types import milliseconds

Rows = Select[*tuple[Any, ...]]
_PARTS = ("start", "readings", "charging_readings", "soc_pct_sum", "soc_pct_min", "soc_pct_max")


class Bucket(NamedTuple):
    """`start`: seconds since 1970. Percents over all packs and readings that fall into it."""

    start: int
    mean: float
    low: int
    high: int
    charging: bool
    """In at least half of the readings."""


def bucket_for(length: timedelta) -> timedelta:
    """The width that reads well over a span of this length, in some hundreds of buckets."""
    if length <= 2 * DAY:
        return timedelta(minutes=5)
    return HOUR if length <= 60 * DAY else DAY


def charge_history(
    device_pk: int, since: datetime, until: datetime, width: timedelta
) -> list[Bucket]:
    """In the order of time; a bucket without any reading is absent.

    `width`: below an hour, an hour, or a day. Hours and days are whole ones, read from the rollups;
    what is not rolled up yet, from the readings.
    """
    bucket_s = int(width.total_seconds())
    found = union_all(*_sources(device_pk, since, until, width)).subquery().c
    number = milliseconds(found.start).op("/")(bucket_s * 1000).label("number")
    readings = cast(func.sum(found.readings), BigInteger)
    query = (
        select(
            number,
            cast(func.sum(found.soc_pct_sum), BigInteger),
            readings,
            func.min(found.soc_pct_min),
            func.max(found.soc_pct_max),
            2 * cast(func.sum(found.charging_readings), BigInteger) >= readings,
        )
        .group_by(number)
        .order_by(number)
    )
    return [
        Bucket(place * bucket_s, round(total / count, 1), low, high, bool(charging))
        for place, total, count, low, high, charging in db.session.execute(query)
    ]


def _sources(device_pk: int, since: datetime, until: datetime, width: timedelta) -> list[Rows]:
    """One after the other in time: days, then hours, then readings."""
    if width < HOUR:
        return [_readings(device_pk, since, until)]
    begin = day_of(since) if width >= DAY else hour_of(since)
    rolled_until = max(begin, min(_rolled_until(), until))
    sources = []
    if width >= DAY:
        today = max(begin, day_of(rolled_until))
        sources.append(_rollups(DailyRollup, device_pk, begin, today))
        begin = today
    sources.append(_rollups(HourlyRollup, device_pk, begin, rolled_until))
    return [*sources, _readings(device_pk, rolled_until, until)]


def _rolled_until() -> datetime:
    """The hours before that are rolled up for every device."""
    progress = db.session.scalars(select(RollupProgress)).one()
    return progress.open_hour if progress.swept_to is None else progress.open_hour - HOUR


def _rollups(rollup: type[Rollup], device_pk: int, since: datetime, until: datetime) -> Rows:
    columns = rollup.__table__.c
    return select(*(columns[name] for name in _PARTS)).where(
        columns.device_pk == device_pk, columns.start >= since, columns.start < until
    )


def _readings(device_pk: int, since: datetime, until: datetime) -> Rows:
    found = rollups_of_one(Reading.device_pk == device_pk, since, until).subquery().c
    return select(*(found[name] for name in _PARTS))
