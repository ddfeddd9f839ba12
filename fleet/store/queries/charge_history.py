"""A device's charge over a span of time, gathered into buckets by the database."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    Integer,
    SQLColumnExpression,
    case,
    cast,
    func,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from fleet.domain.age import AHEAD_AT_MOST, NOT_BEFORE
from fleet.store.database import db
from fleet.store.models import Reading


class Bucket(NamedTuple):
    """`start`: seconds since 1970. Percents over all packs and readings that fall into it."""

    start: int
    mean: float
    low: int
    high: int
    charging: bool


def charge_history(device_pk: int, since: datetime, until: datetime, bucket_s: int) -> list[Bucket]:
    """In the order of time; a bucket without any reading is absent."""
    found = _readings(device_pk, since, until).subquery()
    number = _milliseconds(found.c.when).op("/")(bucket_s * 1000).label("number")
    charging = func.max(case((found.c.status == "charging", 1), else_=0))
    query = (
        select(
            number,
            func.avg(found.c.soc_pct),
            func.min(found.c.soc_pct),
            func.max(found.c.soc_pct),
            cast(charging, Integer),
        )
        .group_by(number)
        .order_by(number)
    )
    return [
        Bucket(int(place) * bucket_s, round(float(mean), 1), low, high, bool(is_charging))
        for place, mean, low, high, is_charging in db.session.execute(query)
    ]


def _readings(device_pk: int, since: datetime, until: datetime) -> CompoundSelect[Any]:
    """By the moment of the sample; where the device's clock cannot be believed, of its arrival.

    Three ranges of the index on (device, sampled_at): believable, never set, and too far ahead.
    """

    def by(moment: InstrumentedAttribute[datetime], *conditions: ColumnElement[bool]) -> Any:
        columns = moment.label("when"), Reading.soc_pct, Reading.status
        within = moment >= since, moment < until, Reading.soc_pct.is_not(None)
        return select(*columns).where(Reading.device_pk == device_pk, *within, *conditions)

    lead = _milliseconds(Reading.sampled_at) - _milliseconds(Reading.received_at)
    most = AHEAD_AT_MOST // timedelta(milliseconds=1)
    return union_all(
        by(Reading.sampled_at, Reading.sampled_at >= NOT_BEFORE, lead <= most),
        by(Reading.received_at, Reading.sampled_at < NOT_BEFORE),
        by(Reading.received_at, Reading.sampled_at > since + AHEAD_AT_MOST, lead > most),
    )


def _milliseconds(moment: SQLColumnExpression[datetime]) -> ColumnElement[int]:
    """Since 1970: that is what SQLite keeps, PostgreSQL has a type of its own."""
    if db.engine.dialect.name == "sqlite":
        return type_coerce(moment, BigInteger)
    return cast(func.floor(func.extract("epoch", moment) * 1000), BigInteger)
