"""How well runtime is told on real cells: the discharges of NASA's and CALCE's, asked at half.

Each cell is as a pack with a stale gauge: it reports the capacity it was built with. The learned
one comes from its discharges before, from full to the cut-off, by the rules of the product.
The data is not part of the project: see `tests.support.battery_data`.
"""

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fleet.domain.battery.capacity import Swings, capacity, lent_at
from fleet.domain.battery.endurance import HOURS, promised_minutes
from fleet.domain.battery.runtime import smoothed_load

Floats = np.ndarray

LEAST_READINGS, LEAST_MIN = 10, 10
WHOLE = 0.5
"""Of the first discharge's charge: what gave less was broken off, or began half empty."""
LEARNED_FROM = 8
RESTS_A = 0.05
ROOM_FROM_C = 20


class Discharge(NamedTuple):
    """(readings,) each, of one discharge under load, from full to its last reading."""

    minutes: Floats
    drawn_ma: Floats
    temp_c: Floats

    @property
    def moved_mah(self) -> Floats:
        """Drawn since full at each reading."""
        mean = (self.drawn_ma[1:] + self.drawn_ma[:-1]) / 2
        return np.concatenate([[0.0], np.cumsum(mean * np.diff(self.minutes) / 60)])


class Asked(NamedTuple):
    """At half of a runtime: what was left, and what three ways of asking say, in minutes."""

    temp_c: float
    left_min: float
    naive_min: float
    designed_min: float
    learned_min: float
    promised_min: float


def print_discharges(folder: Path) -> None:
    found = [asked for file in _files(folder) for asked in _cell(list(_discharges(file)))]
    print(f"\n{len(found):,} discharges of {len(_files(folder))} real cells\n")
    print("| cells | how it is told | median error | 90th percentile | promise not reached |")
    print("|---|---|---|---|---|")
    for name, some in (
        ("NASA's and CALCE's, 20 °C and more", [a for a in found if a.temp_c >= ROOM_FROM_C]),
        ("NASA's in the cold", [a for a in found if a.temp_c < ROOM_FROM_C]),
    ):
        left = np.array([asked.left_min for asked in some])
        _row(name, "percent times rated hours", left, [a.naive_min for a in some])
        _row(name, "load, capacity as built", left, [a.designed_min for a in some])
        missed = np.mean(left < np.array([asked.promised_min for asked in some]))
        told = [asked.learned_min for asked in some]
        _row(name, "load, capacity learned, temperature", left, told, f"{missed:.0%}")


def _row(cells: str, how: str, left: Floats, told: list[float], missed: str = "") -> None:
    middle, worst = np.quantile(np.abs(np.array(told) / left - 1), (0.5, 0.9))
    print(f"| {cells} | {how} | {middle:.1%} | {worst:.1%} | {missed} |".replace("%", " %"))


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "timeseries").glob("*.csv.gz"))


def _cell(runs: list[Discharge]) -> list[Asked]:
    """Every discharge but the first, of whom nothing is learned yet."""
    if not runs:
        return []
    design = float(runs[0].moved_mah[-1])
    rated_min = float(runs[0].minutes[-1])
    whole = [run for run in runs if run.moved_mah[-1] > WHOLE * design]
    return [
        _asked(run, whole[max(0, n - LEARNED_FROM) : n], design, rated_min)
        for n, run in enumerate(whole)
        if n
    ]


def _asked(run: Discharge, before: list[Discharge], design: float, rated_min: float) -> Asked:
    half = int(np.searchsorted(run.minutes, run.minutes[-1] / 2))
    used = float(run.moved_mah[half])
    load = _load(run, half)
    known = capacity(
        Swings(
            np.array([one.moved_mah[-1] / 1000 for one in before]), np.ones(len(before)),
            np.ones(len(before), dtype=bool), np.ones(len(before), dtype=bool),
            np.array([one.temp_c.min() for one in before]), np.full(len(before), design / 1000),
        )
    )  # fmt: skip
    full, deviation = 1000 * (known.full_ah or np.nan), 1000 * (known.deviation_ah or np.nan)
    now = full * float(lent_at(run.temp_c[half]))
    told = _told([design - used, now - used], load, [np.nan, deviation / full])
    return Asked(
        temp_c=float(np.median(run.temp_c)),
        left_min=float(run.minutes[-1] - run.minutes[half]),
        naive_min=rated_min * max(1 - used / design, 0.0),
        designed_min=float(told[0, 0]),
        learned_min=float(told[1, 0]),
        promised_min=float(told[1, 2]),
    )


def _told(left_mah: list[float], load_ma: float, spread: list[float]) -> Floats:
    """A cell in a test rig has no week: neither profile nor reserve."""
    rows = len(left_mah)
    return promised_minutes(
        np.maximum(np.array(left_mah), 0.0), np.zeros(rows), np.full(rows, load_ma),
        np.full((rows, HOURS), np.nan), np.zeros(rows), np.full(rows, np.nan), np.array(spread),
    )  # fmt: skip


def _load(run: Discharge, until: int) -> float:
    known: float | None = None
    for before, at in zip(range(until), range(1, until + 1), strict=True):
        elapsed_s = 60 * float(run.minutes[at] - run.minutes[before])
        known = smoothed_load(known, float(run.drawn_ma[at]), elapsed_s)
    return known or np.nan


def _discharges(file: Path) -> Iterator[Discharge]:
    """Those of a cell in their order, without the rest before and after."""
    with gzip.open(file, "rt", newline="") as text:
        rows: dict[int, list[tuple[float, float, float]]] = {}
        for row in csv.DictReader(text):
            if row["phase"] == "discharge":
                told = (row["time_s"], row["current_a"], row.get("temp_c") or "25")
                rows.setdefault(int(row["cycle"]), []).append(tuple(map(float, told)))
    for _, readings in sorted(rows.items()):
        at_s, amps, temp_c = np.array(readings).T
        loaded = np.flatnonzero(amps < -RESTS_A)
        if len(loaded) < LEAST_READINGS:
            continue
        part = slice(loaded[0], loaded[-1] + 1)
        minutes = (at_s[part] - at_s[loaded[0]]) / 60
        if minutes[-1] >= LEAST_MIN:
            yield Discharge(minutes, -1000 * amps[part], temp_c[part])
