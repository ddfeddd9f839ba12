"""A year of simulated hospitals, and calls to charge in it: `make bench-wards`.

Nobody follows a call here. So each cart that dies, dies whatever was called, and a call after which
the cart did not die was a false one: all rules are judged on the same year.
"""

import sys
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from fleet.domain.battery.charging import Need, needs_charging
from fleet.domain.battery.endurance import HOURS, promised_minutes
from fleet.domain.battery.packs import Charge
from fleet.domain.battery.policy import BatteryPolicy
from fleet.domain.calls import was_right
from fleet.domain.condition import Condition
from fleet.domain.words import Outcome
from tests.bench.carts import ACTIVE_MA, Use

CARTS, WEEKS, WEEKS_LEARNED, SEEDS, TUNING = 320, 56, 4, (21,), (5,)
STEP_MIN = 5
FULL_MAH, CHARGER_MA = 36_000.0, 9_000.0
SHIFTS_H = (7, 15, 23)
BEFORE_MIN = 30
"""A death is foreseen by a call that stood so long before."""
POLICY = BatteryPolicy()
GAUGE_ERROR, LYING_GAUGES, LIE = 0.06, 0.05, 0.25
LEARNED_ERROR, COUNTING_ERROR = 0.02, 0.01
DEAD_OUTLETS, NOTICED_MIN = 0.03, 360
PLUGS_IN, PLUGS_IN_LOW, PLUGS_IN_BEEPING = 0.25, 0.7, 0.1
"""Chance that a cart is plugged in as it is parked; the same below 40 %; each step of beeping."""
BEGAN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Rule:
    """One way to call: what it has called, and what came of it."""

    name: str
    needs: list[Need] = field(default_factory=lambda: [Need()] * CARTS)
    since: np.ndarray = field(default_factory=lambda: np.full(CARTS, np.inf))
    """Minute of the open call of each cart."""
    foreseen: int = 0
    calls: int = 0
    right: int = 0
    believed: int = 0
    """Right by `was_right`, as it is published: it died, or had soon been empty."""

    def judge(self, cart: int, need: Need, minute: int, empty_min: int) -> None:
        self.needs[cart] = need
        if need.raised and np.isinf(self.since[cart]):
            self.since[cart] = minute
            self.calls += 1
        elif not need.raised and np.isfinite(self.since[cart]):
            now = Condition(sampled_at=_at(minute), empty_min=empty_min)
            self.believed += was_right(Outcome.CHARGED, now, _at(self.since[cart]))
            self.since[cart] = np.inf

    def died(self, cart: int, minute: int) -> None:
        stood = minute - self.since[cart]
        self.foreseen += stood >= BEFORE_MIN
        self.right += stood > 0
        self.believed += stood > 0
        self.needs[cart], self.since[cart] = Need(), np.inf

    def wants(self, cart: int, charge: Charge, promised: int, to_end: int, at: datetime) -> Need:
        was = self.needs[cart]
        match self.name:
            case "charge below 20":
                bare = replace(POLICY, needs_charging_below_pct=20, clear_above_pct=21)
                return needs_charging(was, charge, None, None, at, bare)
            case "promised: 60 min":
                return needs_charging(was, charge, promised, None, at, POLICY)
            case "promised: the end of the shift, however far":
                whole = replace(POLICY, needs_charging_below_min=max(to_end, 60))
                return needs_charging(was, charge, promised, None, at, whole)
            case _:
                return needs_charging(was, charge, promised, to_end, at, POLICY)


NAMES = (
    "charge below 20",
    "promised: 60 min",
    "promised: the end of the shift, however far",
    "promised: the rule of the product",
)


class Hospital:
    """Carts, their packs and gauges, and nurses who plug them in, or do not."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.use = Use(rng, CARTS, STEP_MIN)
        self.capacity = FULL_MAH * rng.uniform(0.7, 1.0, CARTS)
        self.fade = rng.uniform(0.03, 0.12, CARTS)
        """Share of its capacity that each pack loses in this year."""
        lying = rng.random(CARTS) < LYING_GAUGES
        self.believes = 1 + rng.normal(0, GAUGE_ERROR, CARTS) + LIE * lying
        self.learns = 1 + rng.normal(0, LEARNED_ERROR, CARTS)
        self.counts = 1 + rng.normal(0, COUNTING_ERROR, CARTS)
        self.used = self.capacity * rng.uniform(0, 0.6, CARTS)
        self.counted = self.used.copy()
        self.plugged, self.vain = np.zeros(CARTS, dtype=bool), np.zeros(CARTS, dtype=bool)
        self.load = np.full(CARTS, ACTIVE_MA)
        self.diligence = np.repeat(rng.uniform(0.3, 0.95, CARTS // 8), 8)
        self.profile = np.full((CARTS, HOURS), np.nan)
        self._hour_mah, self._hour_min = np.zeros(CARTS), np.zeros(CARTS)
        self._steps = 0

    @property
    def soc(self) -> np.ndarray:
        """As the gauge shows it, 0 to 1."""
        return np.clip(1 - self.counted / (self.capacity * self.believes), 0, 1)

    @property
    def charging(self) -> np.ndarray:
        return self.plugged & ~self.vain

    def step(self, minute: int) -> np.ndarray:
        """Five minutes; the carts that died in them."""
        hour = minute // 60 % HOURS
        was_used = self.use.in_use
        at_hand = np.where(self.plugged, self.soc > 0.7, self.soc > 0.1)
        draw = self.use.step(hour, at_hand)
        in_use = self.use.in_use
        self.plugged &= ~in_use
        self.vain &= self.plugged
        draw = np.where(self.charging, np.where(self.used > 0, -CHARGER_MA, 0.0), draw)
        self.used = np.maximum(self.used + draw * STEP_MIN / 60, 0.0)
        self.counted = np.maximum(self.counted + draw * STEP_MIN / 60 * self.counts, 0.0)
        self.counted[self.charging & (self.used == 0)] = 0.0
        # `runtime.smoothed_load`, for all carts at once.
        self.load = np.where(in_use, (self.load + draw) / 2, self.load)
        self._learn(hour, draw)
        self.capacity *= 1 - self.fade * STEP_MIN / (WEEKS * 7 * 1440)
        dead = ~self.charging & (self.used >= self.capacity)
        self._nurses(minute, was_used & ~in_use)
        self._revive(dead)
        return np.flatnonzero(dead)

    def promise(self, minute: int) -> np.ndarray:
        """(carts, 3): whole minutes until empty, until the reserve, and promised."""
        full = self.capacity * self.learns
        reserve = full * POLICY.reserve_pct / 100
        unknown = np.full(CARTS, np.nan)
        hour = np.full(CARTS, minute / 60 % HOURS)
        left = np.maximum(full - self.counted, 0.0)
        spread = np.full(CARTS, LEARNED_ERROR)
        told = promised_minutes(left, reserve, self.load, self.profile, hour, unknown, spread)
        return np.asarray(told.astype(int))

    def _nurses(self, minute: int, parked: np.ndarray) -> None:
        rng = self.rng
        chance = np.where(parked, np.where(self.soc < 0.4, PLUGS_IN_LOW, PLUGS_IN), 0.0)
        chance = np.maximum(chance, np.where(self.soc < 0.08, PLUGS_IN_BEEPING, 0.0))
        if minute % 1440 in [60 * h for h in SHIFTS_H]:
            chance = np.maximum(chance, self.diligence * ~self.use.in_use)
        now = ~self.plugged & (rng.random(CARTS) < chance)
        self.use.put_down(now)
        self.plugged |= now
        self.vain |= now & (rng.random(CARTS) < DEAD_OUTLETS)
        self.vain &= rng.random(CARTS) > STEP_MIN / NOTICED_MIN

    def _revive(self, dead: np.ndarray) -> None:
        """Somebody brings it to an outlet that works; the gauge learns where empty is."""
        self.use.put_down(dead)
        self.plugged |= dead
        self.vain &= ~dead
        self.counted[dead] = (self.capacity * self.believes)[dead]
        self.used[dead] = self.capacity[dead]

    def _learn(self, hour: int, draw: np.ndarray) -> None:
        """Mean draw off the charger in each hour of the week."""
        off = ~self.charging
        self._hour_mah += np.where(off, draw * STEP_MIN / 60, 0.0)
        self._hour_min += STEP_MIN * off
        self._steps += 1
        if self._steps % (60 // STEP_MIN):
            return
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(self._hour_min >= 30, 60 * self._hour_mah / self._hour_min, np.nan)
        usual = self.profile[:, hour]
        moved = np.where(np.isnan(usual), mean, usual + 0.3 * (mean - usual))
        self.profile[:, hour] = np.where(np.isnan(mean), usual, moved)
        self._hour_mah[:], self._hour_min[:] = 0.0, 0.0


def _at(minute: float) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def main() -> None:
    seeds = TUNING if "--tune" in sys.argv else SEEDS
    rules, deaths = [Rule(name) for name in NAMES], 0
    for seed in seeds:
        deaths += _year(Hospital(seed), rules)
    months = CARTS * len(seeds) * (WEEKS - WEEKS_LEARNED) * 7 / (365.25 / 12)
    print(f"{CARTS * len(seeds)} carts, {deaths / months:.2f} died a cart and month\n")
    print("| called when | deaths foreseen | calls | false calls | right | believed |")
    print("|---|---|---|---|---|---|")
    for rule in rules:
        share = f"{rule.foreseen / deaths:.1%} | {rule.calls / months:.2f}"
        false = f"{(rule.calls - rule.right) / months:.2f} | {rule.right / rule.calls:.0%}"
        believed = f"{rule.believed / rule.calls:.0%}"
        print(f"| {rule.name} | {share} | {false} | {believed} |".replace("%", " %"))


def _year(hospital: Hospital, rules: list[Rule]) -> int:
    deaths = 0
    for minute in range(0, WEEKS * 7 * 1440, STEP_MIN):
        dead = hospital.step(minute)
        if minute < WEEKS_LEARNED * 7 * 1440:
            continue
        deaths += len(dead)
        for rule in rules:
            for cart in dead:
                rule.died(int(cart), minute)
        _call(hospital, rules, minute, dead)
    return deaths


def _call(hospital: Hospital, rules: list[Rule], minute: int, dead: np.ndarray) -> None:
    told, soc = hospital.promise(minute), np.rint(100 * hospital.soc).astype(int)
    promised, at = told[:, 2], _at(minute)
    to_end = min((60 * h - minute) % 1440 or 1440 for h in SHIFTS_H)
    charging, plugged = hospital.charging, hospital.plugged
    # A cart that is promised a day, with half of its charge, is called by no rule.
    close = np.flatnonzero((promised < 600) | (soc < 25))
    for cart in close:
        charge = Charge(int(soc[cart]), plugged_in=bool(plugged[cart]), present=True,
                        charging=bool(charging[cart]))  # fmt: skip
        for rule in rules:
            need = rule.wants(cart, charge, int(promised[cart]), to_end, at)
            if need is not rule.needs[cart]:
                rule.judge(cart, need, minute, int(told[cart, 0]))


if __name__ == "__main__":
    main()
