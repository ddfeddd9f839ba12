"""The clock was put forward or back: what was noted by it goes along, or nothing would be right."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Interval, literal, type_coerce, update
from sqlalchemy.orm import InstrumentedAttribute

from fleet.store.database import db, transaction
from fleet.store.device import DeviceState

_BY_THE_CLOCK: tuple[InstrumentedAttribute[Any], ...] = (
    DeviceState.last_seen_at,
    DeviceState.sampled_at,
    DeviceState.offline_after,
)


def follow_clock(step: timedelta, now: datetime) -> int:
    """Move the deadlines of the devices that are online by `step` (back, if below zero).

    A device heard since the step is noted by the new clock already, and left alone: of the two
    times, its own is nearer to the new one. Returns how many were moved.
    """
    middle = now - step / 2
    forward = step > timedelta(0)
    by_old_time = (
        DeviceState.last_seen_at < middle if forward else DeviceState.last_seen_at > middle
    )
    with transaction() as session:
        moved = session.connection().execute(
            update(DeviceState)
            .where(DeviceState.online, by_old_time)
            .values({column: _moved(column, step) for column in _BY_THE_CLOCK})
        )
    return moved.rowcount


def _moved(column: InstrumentedAttribute[Any], step: timedelta) -> ColumnElement[Any]:
    if db.engine.dialect.name == "postgresql":
        return column + literal(step, Interval)
    return type_coerce(column, BigInteger) + step // timedelta(milliseconds=1)
