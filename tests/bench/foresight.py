"""A year of a hospital whose packs age, and how long before they fall it is told.

`make bench-foresight`. Packs of all ages, by `tests.bench.lives`; gauges report their health once a
day, with noise, in whole percents. The night's forecast works as in the product: on bins alone.
"""

from typing import NamedTuple

import numpy as np

from fleet.domain.battery.outlook import LOSS_A_YEAR, days_left
from fleet.domain.battery.usage import USE_MEMORY_S
from fleet.domain.battery.wear import Wear
from fleet.domain.words import Chemistry
from fleet.forecasting import coefficients
from fleet.services.replacements import LEAD_WEEKS
from tests.bench.lives import Lives, lives

Floats = np.ndarray

PACKS, SEED, YEAR, LONGEST_LIFE = 3_000, 31, 365, 3_600
LEAST_AGE = 120
GAUGE_NOISE = 0.01
EVERY = 7
"""Days from one look to the next; told once a night in the product."""
EIGHT_WEEKS, HALF_A_YEAR = 7 * LEAD_WEEKS, 182
NAIVE_THRESHOLD = 0.8


class Told(NamedTuple):
    """(packs,) on one day: days until the fall, low, middle and high; the gauge's word; a line."""

    low: Floats
    middle: Floats
    high: Floats
    health: Floats
    straight: Floats


def main() -> None:
    rng = np.random.default_rng(SEED)
    all_lives = lives(rng, PACKS, LONGEST_LIFE)
    falls = _first_below(all_lives.health, all_lives.threshold)
    # A pack is replaced when it has fallen: what is in use is younger than its end.
    latest = np.clip(falls, LEAST_AGE, LONGEST_LIFE - YEAR - 1)
    begun = rng.uniform(LEAST_AGE, latest).astype(int)
    chosen = falls > LEAST_AGE
    packs = _of(all_lives, chosen)
    falls, begun = falls[chosen] - begun[chosen], begun[chosen]
    said = np.round(packs.health + rng.normal(0, GAUGE_NOISE, packs.health.shape), 2)
    told = _year(packs, said, begun)
    _print(told, falls, packs)


def _first_below(health: Floats, threshold: Floats) -> Floats:
    below = health < threshold[:, None]
    return np.where(below.any(1), below.argmax(1), 10 * LONGEST_LIFE)


def _of(lived: Lives, chosen: Floats) -> Lives:
    names = [name for name, kept in zip(lived.models, chosen, strict=True) if kept]
    return Lives(*(part[chosen] for part in lived[:4]), names)


def _year(packs: Lives, said: Floats, begun: Floats) -> list[Told]:
    """One for each look, from the first day of the year on."""
    forecaster, wear = coefficients.load(), Wear.of_new_packs(len(begun))
    yearly = np.where(packs.threshold == 0.8, LOSS_A_YEAR[Chemistry.NMC],
                      LOSS_A_YEAR[Chemistry.LIFEPO4])  # fmt: skip
    found, taken = [], np.zeros(len(begun), dtype=int)
    rows = np.arange(len(begun))
    for look in range(0, YEAR, EVERY):
        until = begun + look
        column = taken[:, None] + np.arange((until - taken).max())
        there = column < until[:, None]
        at = np.minimum(column, until[:, None] - 1)
        wear.absorb(np.where(there, packs.cycles[rows[:, None], at], np.nan),
                    np.where(there, said[rows[:, None], at], np.nan))  # fmt: skip
        taken = until
        end = forecaster(wear, packs.models, packs.threshold, packs.nominal_ah)
        age = packs.cycles[rows, until - 1]
        month = np.maximum(until - int(USE_MEMORY_S / 86_400), 0)
        a_day = (age - packs.cycles[rows, month]) / (until - month)
        health = np.median(wear.recent, axis=1)
        ends = (end.low, end.end_of_life, end.high)
        days = np.sort(
            [days_left(e, age, a_day, health - packs.threshold, yearly) for e in ends], axis=0
        )
        found.append(Told(*days, health, _straight(wear, packs.threshold, age, a_day)))
    return found


def _straight(wear: Wear, threshold: Floats, age: Floats, a_day: Floats) -> Floats:
    """Days until a line through the last third of the life meets the threshold."""
    with np.errstate(divide="ignore", invalid="ignore"):
        x, y = wear.throughput / wear.readings, wear.health / wear.readings
        weight = np.where(x >= 2 / 3 * age[:, None], wear.readings, 0.0)
        x, y = np.nan_to_num(x), np.nan_to_num(y)
        total = weight.sum(1)
        middle_x, middle_y = (weight * x).sum(1) / total, (weight * y).sum(1) / total
        dx = x - middle_x[:, None]
        slope = (weight * dx * (y - middle_y[:, None])).sum(1) / (weight * dx**2).sum(1)
        days = (middle_x + (threshold - middle_y) / slope - age) / a_day
    return np.where(slope < 0, np.maximum(days, 0.0), np.inf)


def _print(told: list[Told], falls: Floats, packs: Lives) -> None:
    in_year = falls < YEAR
    print(f"{len(falls):,} packs, of which {in_year.sum()} fall in the year\n")
    print("| called when | foreseen 8 weeks ahead | too late or never | median weeks ahead |"
          " of all calls, more than half a year early |")  # fmt: skip
    print("|---|---|---|---|---|")
    for name, calls in (
        ("health below 0.8", lambda t: t.health < NAIVE_THRESHOLD),
        ("a straight line falls within 8 weeks", lambda t: t.straight <= EIGHT_WEEKS),
        ("falls within 8 weeks", lambda t: t.middle <= EIGHT_WEEKS),
        ("half-way to it", lambda t: (t.low + t.middle) / 2 <= EIGHT_WEEKS),
        ("may fall within 8 weeks (the product)", lambda t: t.low <= EIGHT_WEEKS),
    ):
        _row(name, [calls(t) for t in told], falls, in_year)
    listed = [one.middle <= HALF_A_YEAR for one in told]
    eight_before = ((falls - EIGHT_WEEKS) // EVERY)[in_year & (falls >= EIGHT_WEEKS)]
    there = np.array(listed)[:, in_year & (falls >= EIGHT_WEEKS)]
    share = there[eight_before, np.arange(len(eight_before))].mean()
    print(f"\nOn the list of this quarter and the next eight weeks before: {share:.0%}"
          .replace("%", " %"))  # fmt: skip
    errors, covered = [], []
    for look, one in enumerate(told):
        left = falls - EVERY * look
        due = (left > 28) & (left < YEAR) & np.isfinite(one.middle)
        errors += (one.middle[due] - left[due]).tolist()
        covered += ((one.low[due] <= left[due]) & (left[due] <= one.high[due])).tolist()
    print(f"\nDates: median error {np.median(np.abs(errors)):.0f} days in the last year of a life,"
          f" {np.mean(covered):.0%} within their intervals".replace("%", " %"))  # fmt: skip


def _row(name: str, calls: list[Floats], falls: Floats, in_year: Floats) -> None:
    called = np.array(calls)
    first = np.where(called.any(0), EVERY * called.argmax(0), np.inf)
    ahead = falls - first
    # Called on the first day already: how long before is not known; it was there in time.
    early_enough = ahead[in_year & (falls >= EIGHT_WEEKS)] >= EIGHT_WEEKS
    usual = ahead[in_year & np.isfinite(first) & (first > 0)]
    all_calls = np.isfinite(first) & (first > 0)
    too_early = (ahead[all_calls] > HALF_A_YEAR).mean() if all_calls.any() else 0.0
    weeks = np.median(usual) / 7 if len(usual) else np.nan
    print(f"| {name} | {early_enough.mean():.0%} | {1 - early_enough.mean():.0%} | {weeks:.0f} |"
          f" {too_early:.0%} |".replace("%", " %"))  # fmt: skip


if __name__ == "__main__":
    main()
