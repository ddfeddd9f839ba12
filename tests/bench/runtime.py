"""How well runtime is told, on simulated carts and real cells: `make bench-runtime`.

Carts run from full to empty in the hands of wards and are asked once, at half of each runtime. What
is said by the rules of the product stands beside "percent times rated hours". SPREADS were chosen
with the seeds of TUNING, which are not reported.
"""

import sys
from typing import NamedTuple

import numpy as np

from fleet.domain.battery.endurance import Learned, Promise, Stock, promises
from fleet.domain.battery.packs import Charge
from fleet.domain.battery.policy import BatteryPolicy
from fleet.domain.battery.runtime import RATED_HOURS, smoothed_load
from tests.bench.carts import ACTIVE_MA, HOURS, WEEK_MIN, Use
from tests.bench.discharges import print_discharges
from tests.support.battery_data import battery_data

CARTS, WEEKS_LEARNED, WEEKS = 240, 4, 8
SEEDS, TUNING = (11, 12, 13), (1, 2)
FULL_MAH, CHARGED_IN_MIN = 36_000.0, 240
GAUGE_ERROR, LEARNED_ERROR, COUNTING_ERROR = 0.06, 0.02, 0.01
"""Relative: of the capacity that a gauge believes, of the one learned from swings, of counting."""
LOOK_BACK_MIN = 240
PROFILE_GAIN = 0.3


class Lived(NamedTuple):
    """(minutes, carts): what each drew, whether it was used, was lent, or stood on its charger."""

    drawn_ma: np.ndarray
    in_use: np.ndarray
    lent: np.ndarray
    charging: np.ndarray
    capacity_mah: np.ndarray


class Case(NamedTuple):
    """One cart asked at half of its runtime, and how long it lasted from there."""

    stock: Stock
    learned: Learned
    hour: float
    in_use: bool
    lent: bool
    empty_min: int
    reserve_min: int


def main() -> None:
    seeds = TUNING if "--tune" in sys.argv else SEEDS
    cases = [case for seed in seeds for case in _cases(seed)]
    print(f"{len(cases):,} discharges of {CARTS * len(seeds)} carts\n")
    print("| how it is told | median error | 90th percentile | promise not reached |")
    print("|---|---|---|---|")
    _row("percent times rated hours", cases, [_naive(c) for c in cases])
    bare = [c._replace(learned=Learned()) for c in cases]
    _row("the load alone, capacity as reported", cases, _told(bare))
    sized = [c._replace(learned=c.learned._replace(profile=None)) for c in cases]
    _row("the load alone, capacity learned", cases, _told(sized))
    _row("load, profile and capacity learned", cases, _told(cases))
    for name, chosen in (
        ("of these in use when asked", [c for c in cases if c.in_use]),
        ("standing when asked", [c for c in cases if not c.in_use]),
        ("lent to another ward", [c for c in cases if c.lent]),
    ):
        _row(name, chosen, _told(chosen))
    if (folder := battery_data()) is not None:
        print_discharges(folder)
    else:
        print("\nWARDFLEET_BATTERY_DATA names no folder with real discharges: not told of those")


def _told(cases: list[Case]) -> list[Promise]:
    return promises([c.stock for c in cases], [c.learned for c in cases], [c.hour for c in cases])


def _naive(case: Case) -> Promise:
    minutes = int(60 * RATED_HOURS * (case.stock.charge.soc_pct or 0) / 100)
    return Promise(minutes, minutes, minutes)


def _row(name: str, cases: list[Case], told: list[Promise]) -> None:
    true = np.array([c.empty_min for c in cases], dtype=float)
    error = np.abs(np.array([p.empty_min for p in told], dtype=float) / true - 1)
    missed = [c.reserve_min < p.promised_min for c, p in zip(cases, told, strict=True)]
    middle, worst = np.quantile(error, (0.5, 0.9))
    print(f"| {name} | {middle:.1%} | {worst:.1%} | {np.mean(missed):.1%} |".replace("%", " %"))


def _cases(seed: int) -> list[Case]:
    rng = np.random.default_rng(seed)
    lived = _live(rng)
    reserve = BatteryPolicy().reserve_pct
    cases = []
    for cart in range(CARTS):
        capacity = lived.capacity_mah[cart]
        believed = capacity * (1 + rng.normal(0, GAUGE_ERROR))
        usable = capacity * (1 + rng.normal(0, LEARNED_ERROR))
        learned = Learned(usable, LEARNED_ERROR, None, _profile(lived, cart))
        drawn = lived.drawn_ma[:, cart] / 60
        for start, end in _discharges(lived.charging[:, cart]):
            half = (start + end) // 2
            if start < WEEKS_LEARNED * WEEK_MIN:
                continue
            used = drawn[start:half].sum() * (1 + rng.normal(0, COUNTING_ERROR))
            charge = _reported(believed, used)
            stock = Stock(charge, _load(lived, cart, start, half), reserve)
            usable_now = capacity * (1 - reserve / 100)
            to_reserve = np.searchsorted(np.cumsum(drawn[start:end]), usable_now)
            cases.append(
                Case(stock, learned, half / 60 % HOURS, bool(lived.in_use[half, cart]),
                     bool(lived.lent[half, cart]), end - half, start + int(to_reserve) - half)
            )  # fmt: skip
    return cases


def _live(rng: np.random.Generator) -> Lived:
    minutes = WEEKS * WEEK_MIN
    use = Use(rng, CARTS)
    capacity = FULL_MAH * rng.uniform(0.75, 1.0, CARTS)
    charge, waits = capacity * rng.uniform(0.3, 1.0, CARTS), np.zeros(CARTS, dtype=int)
    drawn_ma = np.zeros((minutes, CARTS), dtype=np.float32)
    in_use, lent, charging = (np.zeros((minutes, CARTS), dtype=bool) for _ in range(3))
    for minute in range(minutes):
        off = waits == 0
        draw = use.step(minute // 60 % HOURS, off)
        in_use[minute], lent[minute], charging[minute] = use.in_use, use.lent, ~off
        drawn_ma[minute] = np.where(off, draw, 0.0)
        charge -= drawn_ma[minute] / 60
        waits = np.maximum(waits - 1, 0)
        empty = off & (charge <= 0)
        use.put_down(empty)
        waits[empty], charge[empty] = CHARGED_IN_MIN, capacity[empty]
    return Lived(drawn_ma, in_use, lent, charging, capacity)


def _discharges(charging: np.ndarray) -> list[tuple[int, int]]:
    """(first minute off the charger, first minute on it again) of each whole one."""
    change = np.diff(charging.astype(int))
    starts, ends = np.flatnonzero(change == -1) + 1, np.flatnonzero(change == 1) + 1
    if not len(starts):
        return []
    return list(zip(starts, ends[ends > starts[0]], strict=False))


def _reported(believed_mah: float, used_mah: float) -> Charge:
    remaining = max(believed_mah - used_mah, 0.0)
    return Charge(
        soc_pct=round(100 * remaining / believed_mah),
        remaining_mah=round(remaining),
        full_mah=round(believed_mah),
        present=True,
    )


def _load(lived: Lived, cart: int, start: int, minute: int) -> float:
    """As `take_stock` smooths it, from a reading a minute."""
    known, elapsed_s = ACTIVE_MA, 60.0
    for at in range(max(start, minute - LOOK_BACK_MIN), minute):
        if lived.in_use[at, cart]:
            known = smoothed_load(known, float(lived.drawn_ma[at, cart]), elapsed_s) or known
    return known


def _profile(lived: Lived, cart: int) -> bytes:
    """Mean draw off the charger in each hour of the week, newer weeks counting more."""
    profile = np.full(HOURS, np.nan, dtype="<f4")
    span = slice(0, WEEKS_LEARNED * WEEK_MIN)
    off = ~lived.charging[span, cart].reshape(-1, 60)
    mean = np.where(off, lived.drawn_ma[span, cart].reshape(-1, 60), 0).sum(1)
    with np.errstate(invalid="ignore"):
        mean = np.where(off.sum(1) >= 30, mean / off.sum(1), np.nan)
    for week in mean.reshape(-1, HOURS):
        moved = np.where(np.isnan(profile), week, profile + PROFILE_GAIN * (week - profile))
        profile = np.where(np.isnan(week), profile, moved)
    return profile.astype("<f4").tobytes()


if __name__ == "__main__":
    main()
