"""How long a charge can be promised to last, and whether that reaches the end of the shift.

Vectorised over devices: ingest asks once for a whole batch. The near future is like the last ten
minutes of use (`runtime.smoothed_load`), the later one like this device's same hour in other
weeks: the first counts e^(-t/30 min). What is left is the full capacity, learned and lent by the
temperature or else reported, less what was drawn since it was full (Coulomb counting). The promise
is the 20th percentile: a load over capacity that is log-normally spread reaches its 80th, where the
runtime reaches its 20th.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.capacity import lent_at
from fleet.domain.battery.packs import Charge
from fleet.domain.battery.runtime import RATED_HOURS

Floats = NDArray[np.float64]

HOURS = 168
"""Of a week, from Monday 00:00 local time."""
HORIZON_MIN = 24 * 60
"""Nothing is promised beyond: a whole number of minutes that reaches it means "or longer"."""
EDGES_MIN = np.array([*range(0, 120, 10), *range(120, 480, 30), *range(480, HORIZON_MIN + 1, 60)])
"""Limits of the steps ahead; the load is even within one."""
PRESENT_COUNTS_MIN = 30.0
"""A use lasts some 40 minutes: beyond an hour the profile counts for nearly all."""
PERCENTILE_80 = 0.8416
"""Of a standard normal distribution."""
USUAL_SPREAD = 0.25
"""Relative spread of a device's mean load over the coming hours, until its own is known."""

_MIDDLES_H = (EDGES_MIN[:-1] + EDGES_MIN[1:]) / 120
_WIDTHS_MIN = np.diff(EDGES_MIN)
_PRESENT_H = -PRESENT_COUNTS_MIN / 60 * np.diff(np.exp(-EDGES_MIN / PRESENT_COUNTS_MIN))
_USUAL_H = _WIDTHS_MIN / 60 - _PRESENT_H
_NO_PROFILE = np.full(HOURS, np.nan, dtype="<f4").tobytes()


class Learned(NamedTuple):
    """What is known of one device from its history; None is unknown.

    `usable_mah`: full capacity of its packs together. Spreads are relative standard deviations:
    of that capacity, and of the mean load over the coming hours about what was foreseen.
    `profile`: HOURS little-endian float32, the mean draw in mA off the charger in each hour of the
    week, idle times and all; NaN for hours not seen.
    """

    usable_mah: float | None = None
    capacity_spread: float | None = None
    load_spread: float | None = None
    profile: bytes | None = None


class Stock(NamedTuple):
    """What one reading says of a device's charge, before anything is promised.

    `load_ma`: its smoothed draw in use. `reserve_pct`: of full charge, that is not promised.
    """

    charge: Charge
    load_ma: float | None
    reserve_pct: int


class Promise(NamedTuple):
    """Whole minutes of use from the reading on, at most HORIZON_MIN; None is unknown.

    `empty_min`, `reserve_min`: as expected, until empty and until the reserve. `promised_min`:
    until the reserve, reached four times in five ("at least 1 h 40").
    """

    empty_min: int | None = None
    reserve_min: int | None = None
    promised_min: int | None = None


UNKNOWN = Promise()


def promises(
    stocks: Sequence[Stock], learned: Sequence[Learned], hours: Sequence[float]
) -> list[Promise]:
    """One for each device. `hours`: of the week at the reading, with their fraction."""
    if not stocks:
        return []
    left, reserve, load = _known(stocks, learned)
    spreads = np.array([(one.load_spread, one.capacity_spread) for one in learned], dtype=float)
    profile = b"".join([one.profile or _NO_PROFILE for one in learned])
    minutes = promised_minutes(
        left,
        reserve,
        load,
        np.frombuffer(profile, "<f4").reshape(len(stocks), HOURS),
        np.array(hours),
        spreads[:, 0],
        spreads[:, 1],
    )
    whole = np.nan_to_num(minutes, nan=-1).astype(int).tolist()
    return [UNKNOWN if row[0] < 0 else Promise._make(row) for row in whole]


def promised_minutes(
    left_mah: Floats,
    reserve_mah: Floats,
    load_ma: Floats,
    profile_ma: Floats,
    hour: Floats,
    load_spread: Floats,
    capacity_spread: Floats,
) -> Floats:
    """(devices, 3): minutes until empty, until the reserve, and what of that can be promised.

    All arguments (devices,), but `profile_ma`: (devices, HOURS). NaN is unknown; a spread that is
    unknown is the usual one of a load, none of a capacity.
    """
    spread = np.hypot(
        np.where(np.isnan(load_spread), USUAL_SPREAD, load_spread), np.nan_to_num(capacity_spread)
    )
    usable = left_mah - reserve_mah
    # A dearer load empties a charge as a charge that is smaller by as much does.
    charges = np.stack([left_mah, usable, usable * np.exp(-PERCENTILE_80 * spread)], axis=1)
    return minutes_left(charges, load_ma, profile_ma, hour)


def minutes_left(charges_mah: Floats, load_ma: Floats, profile_ma: Floats, hour: Floats) -> Floats:
    """(devices, charges): minutes until each charge is drawn; NaN where it or the load is."""
    then = ((hour[:, None] + _MIDDLES_H) % HOURS).astype(np.intp)
    usual = np.take_along_axis(profile_ma, then, axis=1)
    usual = np.where(np.isnan(usual), load_ma[:, None], usual)
    drawn = np.maximum(load_ma[:, None] * _PRESENT_H + usual * _USUAL_H, 0.0)
    total = np.cumsum(drawn, axis=1)
    rows = np.arange(len(total))
    minutes = np.empty(charges_mah.shape)
    for column, charge in enumerate(charges_mah.T):
        last = np.minimum((total < charge[:, None]).sum(1), len(_WIDTHS_MIN) - 1)
        missing = charge - total[rows, last] + drawn[rows, last]
        part = np.clip(missing / np.maximum(drawn[rows, last], 1e-9), 0.0, 1.0)
        known = np.isfinite(charge) & np.isfinite(load_ma)
        minutes[:, column] = np.where(known, EDGES_MIN[last] + part * _WIDTHS_MIN[last], np.nan)
    return minutes


def _known(stocks: Sequence[Stock], learned: Sequence[Learned]) -> tuple[Floats, Floats, Floats]:
    """(left, reserve, mAh; load, mA), NaN where unknown."""
    known = np.array(
        [
            (c.soc_pct, c.remaining_mah, c.full_mah, load, reserve_pct, one.usable_mah, c.temp_c)
            for (c, load, reserve_pct), one in zip(stocks, learned, strict=True)
        ],
        dtype=float,
    )
    soc_pct, remaining, reported, load, reserve_pct, usable, temp_c = known.T
    usable = usable * lent_at(temp_c)
    full = np.where(usable > 0, usable, np.where(reported > 0, reported, np.nan))
    counted = np.where(reported > 0, full - (reported - remaining), np.nan)
    left = np.where(np.isnan(counted), full * soc_pct / 100, counted)
    rated = np.where(load > 0, load, full / RATED_HOURS)
    return np.maximum(left, 0.0), full * reserve_pct / 100, rated


class Lasting(NamedTuple):
    """Whether a device lasts until the end of the shift.

    `until_end` None is unknown; False without `dies_at`: it may, but that cannot be promised.
    """

    until_end: bool | None
    dies_at: datetime | None = None

    @property
    def text(self) -> str:
        if self.until_end is None:
            return "unknown"
        if self.until_end:
            return "yes"
        return f"dies about {self.dies_at:%H:%M}" if self.dies_at else "no"


def lasts_until(shift_end: datetime | None, promise: Promise, at: datetime) -> Lasting:
    """By what was promised at `at`. `dies_at`: when it is expected empty, in the end's zone."""
    if shift_end is None or promise.promised_min is None or promise.empty_min is None:
        return Lasting(None)
    needed_min = (shift_end - at).total_seconds() / 60
    if promise.promised_min >= min(needed_min, HORIZON_MIN):
        return Lasting(True)
    if promise.empty_min >= min(needed_min, HORIZON_MIN):
        return Lasting(False)
    dies_at = at + timedelta(minutes=promise.empty_min)
    return Lasting(False, dies_at.astimezone(shift_end.tzinfo))
