"""Part of step 4: how long each device of the batch is promised to last, reckoned for all at once.

What a promise needs beside the reading changes once an hour at most. So it is remembered for some
minutes: a join of it, and of the load profile of each device, would cost more than the reckoning.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.battery.endurance import Learned, Promise, Stock, promises
from fleet.domain.shift import hour_of_week
from fleet.domain.shifts import end_of_shift
from fleet.ingest.batch import Batch, Known, Lasts, Shift
from fleet.store.battery import DeviceEndurance
from fleet.store.driver import among
from fleet.store.site import SHIFT_STARTS, Site, Ward

KNOWN_FOR = timedelta(minutes=5)
"""What the night's study learns, and what IT changes of shifts, counts here after this."""
MOST = 100_000
"""Devices remembered: 0.8 kB each."""
_NOTHING = Learned()


class Promised(NamedTuple):
    promise: Promise
    shift_end: datetime | None


def promise_all(batch: Batch, devices: Sequence[Known], stocks: Sequence[Stock]) -> list[Promised]:
    """For each device by its newest reading. By the clock of now: one much older is history."""
    lasts = _remembered(batch)
    learned = _learned(batch.session, lasts.learned, [known.pk for known in devices])
    shifts = _shifts(batch.session, lasts.shifts, {known.ward_id for known in devices}, batch.now)
    hours = {shift.zone: hour_of_week(batch.now, shift.zone) for shift in shifts.values()}
    mine = [shifts[known.ward_id] for known in devices]
    reckoned = promises(stocks, learned, [hours[shift.zone] for shift in mine])
    return [Promised(promise, shift.end) for promise, shift in zip(reckoned, mine, strict=True)]


def _remembered(batch: Batch) -> Lasts:
    """Begun anew, never emptied: another batch may be at work with it."""
    lasts = batch.memory.lasts
    is_fresh = lasts is not None and abs(batch.now - lasts.since) < KNOWN_FOR
    if lasts is None or not is_fresh or len(lasts.learned) > MOST:
        lasts = batch.memory.lasts = Lasts(batch.now)
    return lasts


def _learned(session: Session, known: dict[int, Learned], pks: Sequence[int]) -> list[Learned]:
    missing = [pk for pk in pks if pk not in known]
    if missing:
        known |= dict.fromkeys(missing, _NOTHING) | _read_learned(session, missing)
    return [known[pk] for pk in pks]


def _read_learned(session: Session, pks: Sequence[int]) -> dict[int, Learned]:
    query = select(
        DeviceEndurance.device_pk,
        DeviceEndurance.usable_mah,
        DeviceEndurance.capacity_spread,
        DeviceEndurance.load_spread,
        DeviceEndurance.profile,
    ).where(among(session, DeviceEndurance.device_pk, pks))
    return {row[0]: Learned(*row[1:]) for row in session.execute(query)}


def _shifts(
    session: Session, known: dict[int, Shift], ward_ids: Collection[int], now: datetime
) -> dict[int, Shift]:
    """By ward; read anew where the shift that was under way has ended."""
    over = [w for w in ward_ids if w not in known or not known[w].is_under_way(now)]
    if over:
        known |= _read_shifts(session, over, now)
    return {ward_id: known[ward_id] for ward_id in ward_ids}


def _read_shifts(session: Session, ward_ids: Sequence[int], now: datetime) -> dict[int, Shift]:
    query = select(Ward.id, SHIFT_STARTS, Site.timezone).join(Site)
    rows = session.execute(query.where(among(session, Ward.id, ward_ids)))
    return {
        ward_id: Shift(ZoneInfo(timezone), now, end_of_shift(times, timezone, now))
        for ward_id, times, timezone in rows
    }
