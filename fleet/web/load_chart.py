"""The load profile of a device as a small chart: what it draws in each hour of a week."""

from typing import NamedTuple

import numpy as np

from fleet.domain.battery.endurance import HOURS

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
HEIGHT = 40.0
"""Of the drawing; an hour is 1 wide."""


class Bar(NamedTuple):
    hour: int
    """Of the week, from Monday 00:00."""
    height: float
    milliamperes: int


class LoadChart(NamedTuple):
    """Hours that are not known yet have no bar."""

    bars: list[Bar]
    highest_ma: int


def load_chart(profile: bytes | None) -> LoadChart | None:
    """None while no hour is known."""
    drawn = np.frombuffer(profile or b"", "<f4")
    if len(drawn) != HOURS or not np.isfinite(drawn).any():
        return None
    highest = max(float(np.nanmax(drawn)), 1.0)
    bars = [
        Bar(hour, round(HEIGHT * max(ma, 0.0) / highest, 2), round(ma))
        for hour, ma in enumerate(drawn.tolist())
        if np.isfinite(ma)
    ]
    return LoadChart(bars, round(highest))
