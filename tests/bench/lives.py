"""Packs that age by laws from the literature, of which the forecast has learned nothing.

NMC: Schmalstieg et al. (2014), J. Power Sources 257, 325: calendar ageing with time^0.75, cycling
with the root of the charge moved, both by voltage.
LFP: Naumann et al. (2018), J. Energy Storage 17, 153, and (2020), J. Power Sources 451, 227666.
What no law tells is made up: how much packs of one build differ, how a ward uses them, and the knee
that some have.
"""

from typing import NamedTuple

import numpy as np

Floats = np.ndarray

KELVIN = 273.15
CELL_AH = 2.05
"""Of the cell whose ageing Schmalstieg measured: charge moved in Ah is told for it."""


class Lives(NamedTuple):
    """(packs, days): equivalent full cycles and true health, from new on; (packs,) thresholds."""

    cycles: Floats
    health: Floats
    threshold: Floats
    nominal_ah: Floats
    models: list[str]


def lives(rng: np.random.Generator, packs: int, days: int) -> Lives:
    """Half of each chemistry; each pack has a use, a temperature and a hidden quality."""
    day = np.arange(1.0, days + 1)
    a_day = rng.uniform(0.5, 1.4, packs)[:, None]
    season = 1 + 0.1 * np.sin(2 * np.pi * (day / 365 + rng.uniform(0, 1, packs)[:, None]))
    cycles = np.cumsum(a_day * season * rng.lognormal(0, 0.3, (packs, days)), axis=1)
    warm_k = KELVIN + rng.uniform(22, 34, packs)[:, None]
    is_nmc = np.arange(packs) % 2 == 0
    lost = np.where(is_nmc[:, None], _nmc(cycles, day, warm_k), _lfp(cycles, day, warm_k))
    lost *= rng.lognormal(np.where(is_nmc, 0.0, 0.3), 0.25)[:, None]
    knee = np.where(rng.random(packs) < 0.4, rng.uniform(0.08, 0.18, packs), np.inf)[:, None]
    lost += np.where(lost > knee, lost - knee, 0.0)
    return Lives(
        cycles, 1 - lost, np.where(is_nmc, 0.8, 0.7), np.where(is_nmc, 36.0, 40.0),
        ["ward NMC" if nmc else "ward LFP" for nmc in is_nmc],
    )  # fmt: skip


def _nmc(cycles: Floats, day: Floats, kelvin: Floats, mean_v: float = 3.75) -> Floats:
    """By rounds of 40 % of the charge, near full in between."""
    by_time = (7.543 * 3.95 - 23.75) * 1e6 * np.exp(-6976 / kelvin) * day**0.75
    depth = 0.4
    by_use = 7.348e-3 * (mean_v - 3.667) ** 2 + 7.600e-4 + 4.081e-3 * depth
    return by_time + by_use * np.sqrt(2 * CELL_AH * cycles)


def _lfp(cycles: Floats, day: Floats, kelvin: Floats, soc: float = 0.8) -> Floats:
    root_s = np.sqrt(86_400 * day)
    warmth = np.exp(-17_126 / 8.3145 * (1 / kelvin - 1 / (KELVIN + 25)))
    by_time = 1.2571e-5 * warmth * (2.8575 * (soc - 0.5) ** 3 + 0.60225) * root_s
    depth, rate = 0.8, 0.5
    by_use = (0.063 * rate + 0.0971) * (4.0253 * (depth - 0.6) ** 3 + 1.0923) * np.sqrt(cycles)
    return by_time + by_use / 100
