"""A forecast in cycles as dates, and why, in a sentence; vectorised over packs where it counts.

Cycling and time age a pack side by side and their losses add up (superposition, as in Schmalstieg
et al. (2014), J. Power Sources 257, 325): what wears by use is shortened by what wears by itself.
"""

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.forecast import LEAST_READINGS
from fleet.domain.words import Chemistry

Floats = NDArray[np.float64]

DAYS_A_YEAR = 365.25
LOSS_A_YEAR = {
    Chemistry.LIFEPO4: 0.015,
    Chemistry.NMC: 0.02,
    Chemistry.LCO: 0.03,
    Chemistry.LEAD_ACID: 0.05,
}
"""Share of design capacity lost at room temperature and half charge, order of magnitude."""
LEAST_DAYS = 7
"""Of use, before it is told how a pack is used."""
FURTHEST_DAYS = 20 * DAYS_A_YEAR


def days_left(
    end: Floats, age: Floats, cycles_a_day: Floats, gap: Floats, loss_a_year: Floats
) -> Floats:
    """Days until the threshold, at most 20 years; NaN where there is no forecast.

    `end`, `age` in equivalent full cycles; `gap`: health above the threshold; all (packs,).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        by_use = np.maximum(cycles_a_day, 0.0) / (end - age)
        by_time = loss_a_year / DAYS_A_YEAR / gap
        days = np.minimum(1 / (by_use + by_time), FURTHEST_DAYS)
    days = np.where((end <= age) | (gap <= 0), 0.0, days)
    return np.where(np.isnan(end), np.nan, days)


def until_enough(readings: int, readings_a_day: float) -> str:
    """What is said instead of a forecast."""
    missing = LEAST_READINGS - readings
    if readings_a_day <= 0:
        return f"not enough data yet: needs {missing} more readings"
    return f"not enough data yet: needs about {int(np.ceil(missing / readings_a_day))} more days"


def toward_own(prior: Floats, own: Floats | float, retired: int, worth: float) -> Floats:
    """Forecasts corrected by the hospital's own retired packs of the model, as they become known.

    `own`: mean logarithm of true over forecast remaining cycles of those packs. The prior counts
    as `worth` packs (empirical Bayes; Efron & Morris 1975): with none retired nothing changes.
    """
    return np.asarray(prior * np.exp(own * retired / (retired + worth)), dtype=np.float64)


def why(
    lost: float,
    cycles: float,
    times_usual: float | None,
    threshold: float,
    now: date,
    days: tuple[float, float, float],
    known: bool,
) -> str:
    """ "lost 11 % in 210 cycles, twice its model's median; 80 % by March 2027, between ..."."""
    low, middle, high = (now + timedelta(days=round(d)) for d in days)
    compared = "" if times_usual is None else f", {_times(times_usual)} its model's median"
    unsure = "" if known else "; new model, wide"
    if days[1] >= FURTHEST_DAYS:
        return f"lost {lost:.0%} in {cycles:.0f} cycles{compared}; no end in sight{unsure}".replace(
            "%", " %"
        )
    told = (
        f"lost {lost:.0%} in {cycles:.0f} cycles{compared}; {threshold:.0%} by {middle:%B %Y}, "
        f"between {low:%B %Y} and {high:%B %Y}{unsure}"
    )
    return told.replace("%", " %")


def _times(factor: float) -> str:
    if 0.9 <= factor <= 1.1:
        return "as"
    return "twice" if 1.9 <= factor <= 2.1 else f"{factor:.1f} times"


def warranty_until(begun: date, months: int | None) -> date | None:
    """The last day of a warranty of so many months from that day on."""
    if months is None:
        return None
    years, month = divmod(begun.month - 1 + months, 12)
    first = date(begun.year + years, month + 1, 1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    return min(first + timedelta(days=begun.day - 1), next_first - timedelta(days=1))


def days_until_told(readings: int, known_days: float) -> int:
    """Days until there is enough to tell a date: readings of health, and a week of use."""
    rate = readings / known_days if readings and known_days > 0 else 1.0
    missing = max(LEAST_READINGS - readings, 0) / rate
    return max(int(np.ceil(missing)), int(np.ceil(LEAST_DAYS - known_days)), 0)
