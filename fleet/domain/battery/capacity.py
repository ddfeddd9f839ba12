"""Full capacity from what flowed between two charges that are known without the gauge's counting.

Coulomb counting over a swing, capacity = charge moved / change of state of charge (Plett 2011,
J. Power Sources 196, 2319). A gauge that derives its percent from the capacity it believes only
returns that belief: so a swing counts whatever it says where both ends are anchored, by a full
charge and by the low-voltage cut-off. Elsewhere one end is the gauge's own word, and an echo of the
reported capacity counts for nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_SWING = 0.35
"""At 20 % swings the capacity errs by 7 %, at 40 % by 1.3 %."""
SOC_ERROR = 0.01
ANCHOR_ERROR = 0.005
CURRENT_ERROR = 0.01
"""Relative error of the integrated current."""
COLD_C = 10.0
LOSS_PER_DEGREE = 0.006
"""Share of its capacity that a lithium pack lends less for each degree below 25, in discharge."""
ROOM_C = 25.0
ECHO = 0.003
ROUNDING = 0.01
"""Gauges tell whole percents: so much may a change be off by that alone."""


class Swings(NamedTuple):
    """(swings,) each. `moved_ah` is positive in either direction; fractions of full charge."""

    moved_ah: Floats
    change: Floats
    from_full: Bools
    to_cutoff: Bools
    temp_c: Floats
    believed_ah: Floats
    """The full-charge capacity that the gauge reports; NaN where it reports none."""


class Capacity(NamedTuple):
    """Ah at room temperature, its standard deviation, and why it is not known better."""

    full_ah: float | None
    deviation_ah: float | None
    reason: str | None


def capacity(swings: Swings) -> Capacity:
    """The weighted median of what each swing tells."""
    wide = np.isfinite(swings.moved_ah) & (swings.moved_ah > 0) & (swings.change >= LEAST_SWING)
    if not wide.any():
        return Capacity(None, None, f"no swing of {LEAST_SWING:.0%} yet".replace("%", " %"))
    told, error = _each(swings)
    anchored = swings.from_full & swings.to_cutoff
    with np.errstate(divide="ignore", invalid="ignore"):
        echo = np.abs(told / swings.believed_ah - 1) < ECHO + ROUNDING / swings.change
    echo &= ~anchored
    good = wide & ~echo & np.isfinite(told)
    if not good.any():
        return Capacity(None, None, "the gauge only repeats itself: needs a full charge to empty")
    told, error = told[good], error[good]
    middle = _weighted_median(told, 1 / error**2)
    spread = 1.4826 * float(np.median(np.abs(told - middle))) if len(told) > 2 else 0.0
    own = float(np.min(error)) * middle
    deviation = float(np.hypot(own, spread / np.sqrt(len(told))))
    return Capacity(middle, deviation, _reason(swings, good))


def lent_at(temp_c: Floats) -> Floats:
    """Share of its capacity that a pack lends at this temperature; all of it where unknown."""
    cold = np.maximum(ROOM_C - np.nan_to_num(temp_c, nan=ROOM_C), 0.0)
    return np.asarray(1 - np.minimum(LOSS_PER_DEGREE * cold, 0.5))


def _each(swings: Swings) -> tuple[Floats, Floats]:
    """(capacity at room temperature, Ah; relative standard deviation)."""
    start = np.where(swings.from_full, ANCHOR_ERROR, SOC_ERROR)
    end = np.where(swings.to_cutoff, ANCHOR_ERROR, SOC_ERROR)
    lent = np.where(swings.to_cutoff, lent_at(swings.temp_c), 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        told = swings.moved_ah / swings.change / lent
        error = np.hypot(np.hypot(start, end) / swings.change, CURRENT_ERROR)
    return told, np.hypot(error, (1 - lent) / 3)


def _weighted_median(values: Floats, weight: Floats) -> float:
    order = np.argsort(values)
    below = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(below, below[-1] / 2)])


def _reason(swings: Swings, good: Bools) -> str | None:
    if not (swings.from_full & swings.to_cutoff)[good].any():
        return "no swing from full to the cut-off"
    if (swings.temp_c[good] < COLD_C).all():
        return "measured in the cold only"
    return "one swing only" if good.sum() == 1 else None
