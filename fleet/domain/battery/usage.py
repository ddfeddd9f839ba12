"""How packs and devices are used: cycles a day, and the load of each hour of the week."""

from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.endurance import HOURS, USUAL_SPREAD
from fleet.domain.battery.incidents import REST_MA
from fleet.domain.battery.swings import GAP_S

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

DAY_S = 86_400.0
USE_MEMORY_S = 28 * DAY_S
"""Four weeks: long enough for every shift plan, short enough for a cart that moved house."""
FASTEST_CYCLES_AN_HOUR = 2.0
"""A counter that runs faster is broken."""
COUNTED_AT_ONCE = 2.0
"""A gauge may be so many cycles ahead of what was counted here, whatever the time that passed."""
IN_USE_SHARE = 0.5
"""Of the load in use: a device that draws less stands idle (readings are kept without the time
since it was touched, by which `condition` knows it)."""
LEAST_IN_USE = 3
"""Readings in use that make an hour's mean."""
PROFILE_GAIN = 0.3
"""What the newest week counts against all before it."""
SPREAD_GAIN = 0.05
DOCKS_FROM = 0.6
"""Share of their stay on power from which on devices come to a zone to be charged."""
ZONE_MEMORY_H = 2_000.0
"""Hours of devices in a zone; with eight of them that is ten days."""


def drawn_mah(at: Floats, ma: Floats) -> Floats:
    """(packs,): what (packs, readings) in the order of time drew, gaps left out."""
    elapsed = np.diff(at, axis=1)
    mean = np.maximum(-(ma[:, 1:] + ma[:, :-1]) / 2, 0.0)
    drawn = np.where((elapsed > 0) & (elapsed <= GAP_S), mean * elapsed / 3600, 0.0)
    return np.asarray(np.nansum(drawn, axis=1))


def grown_age(age: Floats, cycles: Floats, counter: Floats, elapsed_s: Floats) -> Floats:
    """Equivalent full cycles: what was counted here, and the pack's own counter where it is ahead.

    Its counter has what happened before the pack came here, and in hours that nobody heard of.
    `elapsed_s` is NaN for a pack seen for the first time: then the counter is taken at its word.
    """
    counted = age + cycles
    possible = counted + COUNTED_AT_ONCE + FASTEST_CYCLES_AN_HOUR * elapsed_s / 3600
    believable = (counter >= 0) & ~(counter > possible)
    return np.where(believable, np.fmax(counted, counter), counted)


def cycles_a_day(before: Floats, cycles: Floats, known_s: Floats, elapsed_s: Floats) -> Floats:
    """Exponentially weighted mean over USE_MEMORY_S, freed of its bias while that is not yet over.

    `known_s`: for how long the pack was known before; `elapsed_s`: since then.
    """
    fade = np.exp(-elapsed_s / USE_MEMORY_S)
    mass = 1 - np.exp(-known_s / USE_MEMORY_S)
    total = 1 - np.exp(-(known_s + elapsed_s) / USE_MEMORY_S)
    with np.errstate(divide="ignore", invalid="ignore"):
        recent = cycles * DAY_S / elapsed_s * (1 - fade)
        mean = (np.nan_to_num(before) * mass * fade + recent) / total
    return np.where(elapsed_s > 0, mean, before)


def hour_of_week(local: datetime) -> int:
    """From Monday 00:00."""
    return 24 * local.weekday() + local.hour


def is_in_use(draw_ma: Floats, plugged: Bools, load_ma: Floats) -> Bools:
    """Whether a device works; `load_ma`: its load in use as far as known, else NaN."""
    return ~plugged & (draw_ma >= np.fmax(REST_MA, IN_USE_SHARE * load_ma))


def learn_profile(profile: Floats, spread: Floats, hour: NDArray[np.intp], mean: Floats) -> Floats:
    """Take the mean draw in use of one hour, (devices,), into (devices, HOURS); NaN is none.

    Returns the spread: the relative deviation of such means from what the profile said before.
    """
    rows = np.arange(len(profile))
    usual = profile[rows, hour % HOURS]
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.log(mean / usual) ** 2
    known = np.where(np.isnan(spread), USUAL_SPREAD, spread) ** 2
    new = np.where(np.isfinite(off), np.sqrt(known + SPREAD_GAIN * (off - known)), spread)
    moved = np.where(np.isnan(usual), mean, usual + PROFILE_GAIN * (mean - usual))
    profile[rows, hour % HOURS] = np.where(np.isnan(mean), usual, moved)
    return new


def powered_share(before: float | None, hours: float, powered_hours: float) -> float:
    """Of a zone: `hours` of devices that were there, of which `powered_hours` on power."""
    known = before or 0.0
    return known + (powered_hours - hours * known) / (hours + ZONE_MEMORY_H)
