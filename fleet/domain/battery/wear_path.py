"""One pack's wear as it can be looked at: its points, and the smooth path through them."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.wear import Wear

Floats = NDArray[np.float64]

BANDWIDTH = 0.08
"""Of the smoothing, as a share of the pack's age."""
MISSED_BEFORE_GAP = 2
"""As many bins may be empty before silence is drawn as silence."""


class Point(NamedTuple):
    """Health (1: as designed) as it was on average around so many equivalent full cycles."""

    cycles: float
    health: float
    readings: int


def points(wear: Wear) -> list[Point]:
    """Of the first of these packs: its bins that are not empty."""
    seen = wear.readings[0] > 0
    count = wear.readings[0][seen]
    cycles, health = wear.throughput[0][seen] / count, wear.health[0][seen] / count
    return [
        Point(float(c), float(h), int(n)) for c, h, n in zip(cycles, health, count, strict=True)
    ]


def smooth(found: list[Point]) -> list[float]:
    """Health on the path at each point: local lines, weighted by nearness (Cleveland 1979)."""
    if len(found) < 3:
        return [point.health for point in found]
    cycles, health, count = np.array(found).T
    width = BANDWIDTH * max(cycles[-1], 1e-6)
    off = cycles[None, :] - cycles[:, None]
    weight = count * (np.exp(-((off / width) ** 2)) + 1e-9)
    total = weight.sum(1)
    mean_off, mean_health = (weight * off).sum(1) / total, (weight * health).sum(1) / total
    apart = off - mean_off[:, None]
    slope = (weight * apart * health).sum(1) / ((weight * apart**2).sum(1) + 1e-12)
    path: Floats = mean_health - slope * mean_off
    return [float(value) for value in path]


def without_gaps(found: list[Point], width: float) -> list[slice]:
    """Runs of points with no long silence inside. `width`: of a bin, in cycles."""
    ends = [
        place + 1
        for place, (before, after) in enumerate(pairwise(found))
        if after.cycles - before.cycles > (MISSED_BEFORE_GAP + 1) * width
    ]
    starts = [0, *ends]
    return [slice(a, b) for a, b in zip(starts, [*ends, len(found)], strict=True) if b > a]
