"""Carts as wards use them, minute by minute, many at once: rounds, bursts, idle hours, lending.

Made up, but for their means, which are those of `fleet.simulator.habits`: what a cart draws in use
and standing, how long it is used, and when rounds are.
"""

import numpy as np

from fleet.simulator.habits import CART, ROUNDS

HOURS = 168
WEEK_MIN = 60 * HOURS
PACK_V = 25.6
ACTIVE_MA = 1000 * CART.active_w / PACK_V
STANDBY_MA = 1000 * CART.standby_w / PACK_V
USE_MIN = CART.use_s / 60
LENT_PER_DAY = 0.05
LENT_FOR_DAYS = 2

Floats = np.ndarray


def rhythm(rng: np.random.Generator, carts: int, per_ward: int = 8) -> Floats:
    """(carts, HOURS): how many times an hour somebody takes each cart, as its ward has it."""
    wards = -(-carts // per_ward)
    hours = np.arange(HOURS) % 24 + 0.5
    busy = np.zeros((wards, HOURS))
    for start, end in ROUNDS:
        shift = rng.normal(0, 0.4, (wards, 1))
        busy += (hours >= start + shift) & (hours < end + shift)
    night = (hours >= 22) | (hours < 6)
    often = 60 / np.where(busy > 0, CART.gap_in_round_s / 60, CART.gap_else_s / 60)
    often = often * np.where(night, 0.4, 1.0)
    often[:, 5 * 24 :] *= rng.uniform(0.5, 0.9, (wards, 1))
    often *= np.exp(rng.normal(0, 0.3, (wards, 1)))
    return np.repeat(often, per_ward, axis=0)[:carts] * np.exp(rng.normal(0, 0.2, (carts, 1)))


class Use:
    """What is drawn from each cart's pack, step by step; `in_use` and `lent` while it goes."""

    def __init__(self, rng: np.random.Generator, carts: int, step_min: float = 1.0) -> None:
        self._rng, self._step_min = rng, step_min
        self._home = rhythm(rng, carts)
        self._often = self._home.copy()
        self._active = ACTIVE_MA * np.exp(rng.normal(0, 0.2, carts))
        self._standby = STANDBY_MA * np.exp(rng.normal(0, 0.2, carts))
        self._left_min = np.zeros(carts)
        self._lent_min = np.zeros(carts)
        self._times = np.ones(carts)

    @property
    def in_use(self) -> Floats:
        return self._left_min > 0

    @property
    def lent(self) -> Floats:
        return self._lent_min > 0

    def step(self, hour: int, at_hand: Floats) -> Floats:
        """(carts,) mA over this step. Only carts `at_hand` are taken; `hour` of the week."""
        rng, carts = self._rng, len(self._left_min)
        self._left_min = np.maximum(self._left_min - self._step_min, 0.0)
        taken = ~self.in_use & at_hand
        taken &= rng.random(carts) < self._often[:, hour] * self._step_min / 60
        self._left_min[taken] = np.minimum(rng.exponential(USE_MIN, taken.sum()) + 1, 120)
        # Somebody prints, scans and lights the keys more than somebody else.
        self._times[taken] = np.exp(rng.normal(0, 0.2, taken.sum()))
        self._lend()
        burst = np.where(rng.random(carts) < 0.15, 1.6, 0.9)
        active = self._active * self._times * np.exp(rng.normal(0, 0.08, carts)) * burst
        return np.where(self.in_use, active, self._standby)

    def put_down(self, carts: Floats) -> None:
        """Nobody uses one that is dead."""
        self._left_min[carts] = 0.0

    def _lend(self) -> None:
        """To another ward, with its hours and half as much again to do."""
        rng, carts = self._rng, len(self._left_min)
        back = (self._lent_min > 0) & (self._lent_min <= self._step_min)
        self._often[back] = self._home[back]
        self._lent_min = np.maximum(self._lent_min - self._step_min, 0.0)
        goes = ~self.lent & (rng.random(carts) < LENT_PER_DAY * self._step_min / 1440)
        if goes.any():
            self._often[goes] = 1.5 * self._home[rng.integers(0, carts, goes.sum())]
            self._lent_min[goes] = LENT_FOR_DAYS * 1440
