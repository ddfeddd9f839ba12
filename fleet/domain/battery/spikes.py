"""Readings that jump out and come back are pulled in: Hampel's filter, vectorised over packs.

Source: Hampel (1974), "The influence curve and its role in robust estimation", JASA 69, 383; as a
moving filter Pearson et al. (2016), EURASIP J. Adv. Signal Process. 87. A window of five stands
against two spikes; readings within the limit are left as they are, so nothing is smoothed away.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

CONTEXT = 4
"""Earlier readings that the window needs to judge a new one."""
LIMIT = 4.0
"""Standard deviations from the median of its neighbours at which a reading is pulled in."""
LEAST_NOISE = 5e-4
"""No gauge reads its health finer than this."""
DEVIATION = 1.25
"""Standard deviation over mean absolute deviation of a normal distribution: sqrt(pi / 2)."""


def without_spikes(recent: Floats, health: Floats, noise: Floats) -> tuple[Floats, Floats]:
    """(healths pulled in, standard deviation of one reading) for (packs, readings).

    `recent` are the readings before, newest last; NaN, in front there and at the end of `health`,
    is no reading. `noise` is the deviation known so far, NaN if none is.
    """
    deviating = np.abs(health - (middle := _median_of_five(recent, health)))
    with np.errstate(invalid="ignore"):
        seen = np.maximum(np.isfinite(deviating).sum(1), 1)
        typical = np.nansum(deviating, 1) / seen
        # Once more without the spikes, which would widen their own limit.
        typical = np.nansum(np.minimum(deviating, 3 * typical[:, None]), 1) / seen
    spread = DEVIATION * typical + LEAST_NOISE
    limit = LIMIT * np.fmax(spread, noise)[:, None]
    return np.clip(health, middle - limit, middle + limit), spread


def _median_of_five(recent: Floats, health: Floats) -> Floats:
    """The median of each reading and its two neighbours on both sides, mirrored at the ends."""
    joined = np.hstack([recent, health])
    first = np.argmax(np.isfinite(joined), axis=1)[:, None]
    last = (first[:, 0] + np.isfinite(joined).sum(1) - 1)[:, None]
    at = np.arange(CONTEXT, joined.shape[1])
    neighbours = [
        np.take_along_axis(joined, _mirrored(at + step, first, last), 1) for step in range(-2, 3)
    ]
    return _middle(*neighbours)


def _mirrored(at: Places, first: Places, last: Places) -> Places:
    inside = first + np.abs(at - first)
    inside = np.where(inside > last, 2 * last - inside, inside)
    return np.asarray(np.clip(inside, first, np.maximum(last, first)), dtype=np.intp)


def _middle(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats) -> Floats:
    """The median of five by comparisons alone, many times faster than sorting short rows."""
    a, b = np.minimum(a, b), np.maximum(a, b)
    c, d = np.minimum(c, d), np.maximum(c, d)
    c, b = np.maximum(a, c), np.minimum(b, d)
    b, c = np.minimum(b, c), np.maximum(b, c)
    return np.maximum(b, np.minimum(c, e))
