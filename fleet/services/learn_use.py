"""An hour of readings folded into how devices are used: load by hour of week, stays in zones."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row

from fleet.domain.battery.usage import LEAST_IN_USE, hour_of_week, is_in_use, learn_profile
from fleet.services.learn_packs import numbers
from fleet.store import packed
from fleet.store.rollup import HOUR
from fleet.store.study import NOBODY, Readings

Floats = NDArray[np.float64]


class Use(NamedTuple):
    """How one device is used, as far as is known after the hour."""

    device_pk: int
    is_new: bool
    load_spread: float | None
    profile: bytes
    hours_seen: int

    def row(self, usable: tuple[float, float] | None) -> tuple[Any, ...]:
        """For the store; `usable`: capacity and its relative deviation, where they are learned."""
        mah, spread = usable or (None, None)
        return self.device_pk, mah, spread, self.load_spread, self.profile, self.hours_seen


class Stay(NamedTuple):
    """Of devices in a zone: how many hours together, and how many of those on power."""

    hours: float
    powered_hours: float


def learn_use(
    devices: Sequence[Row[*tuple[Any, ...]]], readings: Readings, hour: datetime
) -> list[Use]:
    """`devices` as `store.study.devices_of` has them; one for each that was heard of."""
    heard = set(np.unique(readings.device_pk).astype(int).tolist())
    devices = [row for row in devices if row.id in heard]
    known = [row.DeviceEndurance for row in devices]
    profile = packed.profiles_of([row and row.profile for row in known])
    spread = numbers([row and row.load_spread for row in known])
    # The middle of the hour is in it also where clocks differ from UTC by half hours.
    middle = hour + timedelta(minutes=30)
    zones = {name: hour_of_week(middle.astimezone(ZoneInfo(name)))
             for name in {row.timezone for row in devices}}  # fmt: skip
    then = np.array([zones[row.timezone] for row in devices], dtype=np.intp)
    mean = _mean_in_use(
        [row.id for row in devices], numbers([r.load_ma for r in devices]), readings
    )
    spread = learn_profile(profile, spread, then, mean)
    hours = [(row.hours_seen if row else 0) + int(np.isfinite(m))
             for row, m in zip(known, mean, strict=True)]  # fmt: skip
    told = zip(devices, spread.tolist(), packed.profile_blobs(profile), hours, strict=True)
    return [
        Use(row.id, row.DeviceEndurance is None, None if np.isnan(s) else s, blob, seen)
        for row, s, blob, seen in told
    ]


def stays(readings: Readings) -> dict[int, Stay]:
    """By zone. Each reading of a device stands for an equal share of the hour."""
    placed = readings.where(readings.zone_id != NOBODY)
    if not len(placed.at):
        return {}
    _, device, count = np.unique(placed.device_pk, return_inverse=True, return_counts=True)
    share = HOUR.total_seconds() / 3600 / count[device]
    zones, zone = np.unique(placed.zone_id, return_inverse=True)
    hours = np.bincount(zone, share)
    powered = np.bincount(zone, share * placed.plugged)
    return {int(z): Stay(*both) for z, *both in zip(zones, hours, powered, strict=True)}


def _mean_in_use(device_pks: list[int], load_ma: Floats, readings: Readings) -> Floats:
    """(devices,): mean draw of the readings in use, all packs together; NaN where they are few."""
    told = readings.where(np.isfinite(readings.ma))
    moments, moment = np.unique(np.stack([told.device_pk, told.at]), axis=1, return_inverse=True)
    draw = np.bincount(moment.ravel(), -told.ma, moments.shape[1]).astype(np.float64)
    plugged = np.bincount(moment.ravel(), told.plugged, moments.shape[1]) > 0
    place = np.searchsorted(device_pks, moments[0])
    used = is_in_use(draw, plugged, load_ma[place])
    count = np.bincount(place[used], minlength=len(device_pks))
    total = np.bincount(place[used], draw[used], len(device_pks))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count >= LEAST_IN_USE, total / count, np.nan)
