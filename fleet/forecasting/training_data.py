"""Lifetimes from the laboratory, cut short and blurred as a gauge in the field would show them."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.features import features
from fleet.domain.battery.forecast import log_remaining
from fleet.domain.battery.wear import Wear

Floats = NDArray[np.float64]

CONFIRMED_BY = 5
"""Readings after the end of life whose mean must lie below the threshold too."""


@dataclass(frozen=True, slots=True)
class Life:
    """One cell from new to its end of life and beyond. Health: capacity over nominal."""

    cell: str
    dataset: str
    model: str
    nominal_ah: float
    threshold: float
    end: float
    cycle: Floats
    health: Floats


@dataclass(frozen=True, slots=True)
class Sample:
    """Cut lives: features by name, what is to be told, and whose each is."""

    named: dict[str, Floats]
    told: Floats
    cell: NDArray[np.str_]
    dataset: NDArray[np.str_]
    model: NDArray[np.str_]
    end: Floats
    age: Floats


def read_lives(folder: Path) -> list[Life]:
    """The cells of `cells.csv` whose end of life was seen, with their `capacity.csv`."""
    curves: dict[str, list[tuple[float, float]]] = defaultdict(list)
    with (folder / "capacity.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["capacity_ah"]:
                health = float(row["capacity_ah"]) / float(row["nominal_ah"])
                curves[row["cell"]].append((float(row["cycle"]), health))
    lives = []
    with (folder / "cells.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["eol_cycle"]:
                cycle, health = np.array(curves[row["cell"]]).T
                lives.append(
                    Life(row["cell"], row["dataset"], row["group"], float(row["nominal_ah"]),
                         float(row["threshold_frac"]), float(row["eol_cycle"]), cycle, health)
                )  # fmt: skip
    return lives


def cut(lives: list[Life], copies: int, seed: int, *, warped: bool) -> Sample:
    """`copies` of each life, each cut at a random share of it, some with another threshold.

    Fixed shares would teach a net to answer age over share. `warped`: losses and lifetimes are
    stretched too, for packs whose model nobody has seen.
    """
    rng = np.random.default_rng(seed)
    histories, picked = [], []
    for life in lives:
        for copy in range(copies):
            threshold, end = _threshold(life, rng, other=copy % 4 == 3)
            share = np.clip(1 - 0.02 - 0.7 * rng.random() ** 1.15, 0.25, 0.985)
            before = life.cycle <= max(int(share * end), 6)
            cycle, health = _as_reported(life.cycle[before], life.health[before], rng)
            if warped:
                loss, pace = np.exp(rng.uniform((-0.7, -0.9), (0.7, 1.1)))
                shift = rng.uniform(-0.06, 0.06)
                fresh = float(life.health[: max(len(life.health) // 20, 1)].mean())
                health = fresh + shift + (health - fresh) * loss
                threshold = fresh + shift + (threshold - fresh) * loss
                cycle, end = cycle * pace, end * pace
            histories.append((cycle, health))
            picked.append((life, threshold, end))
    return sample(histories, picked)


def sample(
    histories: list[tuple[Floats, Floats]], whose: list[tuple[Life, float, float]]
) -> Sample:
    """`whose`: the life of each history, its threshold, its end."""
    parts = []
    for at in range(0, len(histories), 512):
        some = whose[at : at + 512]
        wear = Wear.of_histories(histories[at : at + 512])
        nominal_ah = np.array([life.nominal_ah for life, _, _ in some])
        named = features(wear, np.array([threshold for _, threshold, _ in some]), nominal_ah)
        parts.append((named, wear.age))
    named = {name: np.concatenate([p[name] for p, _ in parts]) for name in parts[0][0]}
    age = np.concatenate([a for _, a in parts])
    end = np.array([e for _, _, e in whose])
    lives = [life for life, _, _ in whose]
    return Sample(
        named, log_remaining(end, age), np.array([life.cell for life in lives]),
        np.array([life.dataset for life in lives]), np.array([life.model for life in lives]),
        end, age,
    )  # fmt: skip


def end_of_life(cycle: Floats, health: Floats, threshold: float) -> float | None:
    """The first cycle at or below the threshold whose next five also average so."""
    for at in np.flatnonzero(health <= threshold):
        after = health[at + 1 : at + 1 + CONFIRMED_BY]
        if len(after) and after.mean() <= threshold:
            return float(cycle[at])
    return None


def _threshold(life: Life, rng: np.random.Generator, *, other: bool) -> tuple[float, float]:
    if other:
        low, high = max(life.threshold - 0.04, 0.6), min(life.threshold + 0.08, 0.93)
        threshold = rng.uniform(low, high)
        end = end_of_life(life.cycle, life.health, threshold)
        if end is not None and end > 15:
            return threshold, end
    return life.threshold, life.end


def _as_reported(cycle: Floats, health: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """As measured, or as a gauge reports it: some cycles, with noise, outliers and rounding."""
    kind = rng.choice(3, p=[0.4, 0.45, 0.15])
    if kind == 0:
        return cycle, health
    keep, noise, outliers, step = 0.3, 0.015, 0.02, 0.01
    if kind == 2:
        keep, noise, outliers = rng.uniform((0.05, 0.002, 0.0), (1.0, 0.02, 0.03))
        step = rng.choice([1e-4, 0.01])
    kept = rng.random(len(cycle)) < keep
    if kept.sum() < 6:
        kept[:] = True
    cycle, health = cycle[kept], health[kept] + noise * rng.standard_normal(kept.sum())
    out = rng.random(len(health)) < outliers
    health = np.where(out, health + rng.uniform(-0.15, 0.15, len(health)), health)
    return cycle, np.round(health / step) * step
