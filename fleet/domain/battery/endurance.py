"""How long a charge can be promised to last, and whether that reaches the end of the shift.

Vectorised over carts. The near future is like the last ten minutes (`runtime.smoothed_load`), the
later one like this cart's same hour in other weeks: the first counts e^(-t/1 h). Runtime is what is
left over the load (Coulomb counting). The promise is its 20th percentile: a load that is
log-normally spread reaches its 80th percentile, where the runtime reaches its 20th.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

HOURS = 168
"""Of a week, from Monday 00:00 local time."""
STEP_MIN = 10
HORIZON_MIN = 24 * 60
PRESENT_COUNTS_MIN = 60.0
PERCENTILE_80 = 0.8416
"""Of a standard normal distribution."""
USUAL_SPREAD = 0.25
"""Relative spread of a cart's mean load over the coming hours, until its own is known."""


def minutes_left(usable_mah: Floats, load_ma: Floats, profile_ma: Floats, hour: Floats) -> Floats:
    """Minutes until `usable_mah` are drawn, at most HORIZON_MIN; NaN where capacity or load is.

    All (carts,), but `profile_ma`: (carts, HOURS), NaN for hours not yet seen. `hour`: of the week
    now, with its fraction.
    """
    ahead = np.arange(0, HORIZON_MIN, STEP_MIN) + STEP_MIN / 2
    then = ((hour[:, None] + ahead / 60) % HOURS).astype(np.intp)
    usual = np.take_along_axis(profile_ma, then, axis=1)
    usual = np.where(np.isnan(usual), load_ma[:, None], usual)
    share = np.exp(-ahead / PRESENT_COUNTS_MIN)
    drawn = np.maximum(share * load_ma[:, None] + (1 - share) * usual, 0.0) * STEP_MIN / 60
    total = np.cumsum(drawn, axis=1)
    steps = (total < usable_mah[:, None]).sum(1)
    last = np.minimum(steps, len(ahead) - 1)
    rows = np.arange(len(last))
    before = total[rows, last] - drawn[rows, last]
    part = (usable_mah - before) / np.maximum(drawn[rows, last], 1e-9)
    minutes = np.minimum((last + np.clip(part, 0.0, 1.0)) * STEP_MIN, HORIZON_MIN)
    known = np.isfinite(usable_mah) & np.isfinite(load_ma)
    return np.where(known, np.where(usable_mah > 0, minutes, 0.0), np.nan)


def promised_minutes(
    usable_mah: Floats,
    load_ma: Floats,
    profile_ma: Floats,
    hour: Floats,
    load_spread: Floats,
    capacity_spread: Floats,
) -> Floats:
    """What is reached four times in five. Spreads are relative; NaN is the usual, or none."""
    spread = np.hypot(
        np.where(np.isnan(load_spread), USUAL_SPREAD, load_spread), np.nan_to_num(capacity_spread)
    )
    dearer = np.exp(PERCENTILE_80 * spread)
    return minutes_left(usable_mah, load_ma * dearer, profile_ma * dearer[:, None], hour)


class Lasting(NamedTuple):
    """Whether a cart lasts until the end of the shift; None is unknown."""

    until_end: bool | None
    dies_at: datetime | None = None

    @property
    def text(self) -> str:
        if self.until_end is None:
            return "unknown"
        return "yes" if self.dies_at is None else f"dies about {self.dies_at:%H:%M}"


def lasts_until(shift_end: datetime, promised_min: float, now: datetime) -> Lasting:
    """By the promise; `dies_at` in the time zone of `now`."""
    if not np.isfinite(promised_min):
        return Lasting(None)
    empty_at = now + timedelta(minutes=promised_min)
    if empty_at >= shift_end or promised_min >= HORIZON_MIN:
        return Lasting(True)
    return Lasting(False, empty_at)
