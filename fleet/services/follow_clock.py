"""The clock was put forward or back: what was noted by it goes along, or nothing would be right."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Interval,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute

from fleet.domain.rollout.words import AT_WORK, LIVE
from fleet.domain.words import AlertState
from fleet.store.alert import Alert, Outage
from fleet.store.database import db, transaction
from fleet.store.device import DeviceState
from fleet.store.rollout import FirmwareJob, Rollout, RolloutDevice, RolloutRing

_BY_THE_CLOCK: tuple[InstrumentedAttribute[Any], ...] = (
    DeviceState.last_seen_at,
    DeviceState.sampled_at,
    DeviceState.offline_after,
    DeviceState.check_after,
    DeviceState.alert_after,
)


_IS_WATCHED = or_(
    DeviceState.online, DeviceState.alert_after.is_not(None), DeviceState.outage_id.is_not(None)
)
_IS_STANDING = Outage.alert_id.in_(select(Alert.id).where(Alert.state != AlertState.RESOLVED))

_LIVE_ROLLOUTS = Rollout.state.in_(sorted(LIVE))
_IS_AT_WORK = RolloutDevice.state.in_(sorted(AT_WORK))
_ROLLOUTS: tuple[tuple[tuple[InstrumentedAttribute[Any], ...], ColumnElement[bool]], ...] = (
    ((RolloutDevice.deadline,), _IS_AT_WORK),
    (
        (RolloutRing.opened_at, RolloutRing.passed_at),
        RolloutRing.rollout_id.in_(select(Rollout.id).where(_LIVE_ROLLOUTS)),
    ),
    ((Rollout.started_at,), _LIVE_ROLLOUTS),
    (
        (FirmwareJob.said_at, FirmwareJob.changed_at),
        FirmwareJob.rollout_device_id.in_(select(RolloutDevice.id).where(_IS_AT_WORK)),
    ),
)


def follow_clock(step: timedelta, now: datetime) -> int:
    """Move by `step` (back, if below zero) what is noted of devices, outages, rollouts.

    A device heard since the step is noted by the new clock already, and left alone: of the two
    times, its own is nearer to the new one. Returns how many devices were moved.
    """
    middle = now - step / 2
    forward = step > timedelta(0)
    by_old_time = (
        DeviceState.last_seen_at < middle if forward else DeviceState.last_seen_at > middle
    )
    with transaction() as session:
        connection = session.connection()
        moved = connection.execute(
            update(DeviceState)
            .where(_IS_WATCHED, by_old_time)
            .values({column: _moved(column, step) for column in _BY_THE_CLOCK})
        )
        connection.execute(
            update(Outage).where(_IS_STANDING).values(since=_moved(Outage.since, step))
        )
        for columns, chosen in _ROLLOUTS:
            connection.execute(
                update(columns[0].class_)
                .where(chosen)
                .values({column: _moved(column, step) for column in columns})
            )
    return moved.rowcount


def _moved(column: InstrumentedAttribute[Any], step: timedelta) -> ColumnElement[Any]:
    if db.engine.dialect.name == "postgresql":
        return column + literal(step, Interval)
    return type_coerce(column, BigInteger) + step // timedelta(milliseconds=1)
