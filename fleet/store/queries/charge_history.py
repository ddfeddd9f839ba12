"""A device's charge over a span of time, gathered into buckets by the database."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Integer, case, cast, func, select, type_coerce

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
    number = _bucket_number(bucket_s).label("number")
    charging = func.max(case((Reading.status == "charging", 1), else_=0))
    query = (
        select(
            number,
            func.avg(Reading.soc_pct),
            func.min(Reading.soc_pct),
            func.max(Reading.soc_pct),
            cast(charging, Integer),
        )
        .where(
            Reading.device_pk == device_pk,
            Reading.sampled_at >= since,
            Reading.sampled_at < until,
            Reading.soc_pct.is_not(None),
        )
        .group_by(number)
        .order_by(number)
    )
    return [
        Bucket(int(place) * bucket_s, round(float(mean), 1), low, high, bool(is_charging))
        for place, mean, low, high, is_charging in db.session.execute(query)
    ]


def _bucket_number(bucket_s: int) -> ColumnElement[int]:
    """Whole bucket widths since 1970: SQLite keeps milliseconds, PostgreSQL a time of its own."""
    if db.engine.dialect.name == "sqlite":
        return type_coerce(Reading.sampled_at, BigInteger).op("/")(bucket_s * 1000)
    seconds = func.extract("epoch", Reading.sampled_at)
    return cast(func.floor(seconds / bucket_s), BigInteger)
