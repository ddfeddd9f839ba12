"""What a pack's history amounts to: health against throughput, in 48 bins, however long it is.

Vectorised over packs: row i of every array is pack i. Throughput is in equivalent full cycles since
the pack was new (what a gauge calls its cycle count), health is capacity over design capacity.
A night's run works on these bins alone and reads no history.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.spikes import CONTEXT, without_spikes

Floats = NDArray[np.float64]

BINS = 48
FINEST = 0.25
"""Width of a bin at first, equivalent full cycles; it doubles when the last bin is passed."""
PLAUSIBLE_HEALTH = (0.02, 1.5)
"""Outside this a reading is a glitch: zeros of a gauge that was reset, capacities never built."""
MOST_CYCLES = 1e6
"""No pack lives as long: a counter that says so is broken."""
NOISE_MEMORY = 64
"""Readings over which the estimate of the gauge's noise forgets."""


@dataclass(slots=True)
class Wear:
    """`readings`, `throughput`, `health`: (packs, BINS), number and sums in each bin."""

    width: Floats
    readings: Floats
    throughput: Floats
    health: Floats
    recent: Floats
    """(packs, CONTEXT): the last plausible healths, newest last, NaN before there were any."""
    noise: Floats
    """Standard deviation of one reading of health; NaN until three were seen."""
    age: Floats
    """Throughput at the newest reading, equivalent full cycles."""

    @classmethod
    def of_new_packs(cls, packs: int) -> Self:
        """Packs of which nothing is known yet."""
        return cls(
            width=np.full(packs, FINEST),
            readings=np.zeros((packs, BINS)),
            throughput=np.zeros((packs, BINS)),
            health=np.zeros((packs, BINS)),
            recent=np.full((packs, CONTEXT), np.nan),
            noise=np.full(packs, np.nan),
            age=np.zeros(packs),
        )

    @classmethod
    def of_histories(cls, histories: Sequence[tuple[Floats, Floats]]) -> Self:
        """One pack for each (throughput, health), both of any length."""
        wear = cls.of_new_packs(len(histories))
        wear.absorb(*side_by_side(histories))
        return wear

    def __getitem__(self, packs: slice | NDArray[np.bool_]) -> Self:
        return type(self)(*(getattr(self, part.name)[packs] for part in fields(self)))

    def __len__(self) -> int:
        return len(self.age)

    def forget(self, packs: NDArray[np.bool_]) -> None:
        """These are as if nothing were known of them but their age."""
        new = type(self).of_new_packs(len(self))
        for part in fields(self):
            if part.name not in ("age", "width"):
                getattr(self, part.name)[packs] = getattr(new, part.name)[packs]

    def absorb(self, throughput: Floats, health: Floats) -> None:
        """Take in readings, (packs, readings) in the order they came, NaN where there is none.

        One reading a pack or its whole life in one call: the bins come out the same, the noise
        and what is held to be a spike nearly so.
        """
        throughput, health = _plausible_first(throughput, health)
        if not health.shape[1]:
            return
        seen = np.isfinite(health)
        before = np.minimum(self.readings.sum(1), NOISE_MEMORY)
        calm, spread = without_spikes(self.recent, health, self.noise)
        now = np.minimum(seen.sum(1), NOISE_MEMORY)
        known = np.where(np.isnan(self.noise), spread, self.noise)
        self.noise = (known * before + spread * now) / np.maximum(before + now, 1)
        self.age = np.fmax(self.age, np.fmax.reduce(throughput, axis=1))
        self._widen()
        self._add(throughput, calm, seen)
        self.recent = _last(np.hstack([self.recent, health]), CONTEXT)

    def _add(self, throughput: Floats, health: Floats, seen: NDArray[np.bool_]) -> None:
        packs = len(self)
        place = np.zeros(throughput.shape, dtype=np.intp)
        np.divide(throughput, self.width[:, None], out=place, where=seen, casting="unsafe")
        np.minimum(place, BINS - 1, out=place)
        place += BINS * np.arange(packs)[:, None]
        flat = place[seen]
        for sums, values in (
            (self.readings, None),
            (self.throughput, throughput[seen]),
            (self.health, health[seen]),
        ):
            sums += np.bincount(flat, values, packs * BINS).reshape(packs, BINS)

    def _widen(self) -> None:
        """Merge bins in pairs until the newest reading has one."""
        while np.any(narrow := self.age >= self.width * BINS):
            for sums in (self.readings, self.throughput, self.health):
                sums[narrow, : BINS // 2] = sums[narrow].reshape(-1, BINS // 2, 2).sum(2)
                sums[narrow, BINS // 2 :] = 0.0
            self.width[narrow] *= 2


def side_by_side(histories: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Histories of different lengths as two matrices, NaN behind the end of each."""
    longest = max((len(health) for _, health in histories), default=0)
    throughputs = np.full((len(histories), longest), np.nan)
    healths = np.full((len(histories), longest), np.nan)
    for row, (throughput, health) in enumerate(histories):
        throughputs[row, : len(throughput)] = throughput
        healths[row, : len(health)] = health
    return throughputs, healths


def _plausible_first(throughput: Floats, health: Floats) -> tuple[Floats, Floats]:
    """What cannot be is dropped, and the rest moved to the left."""
    least, most = PLAUSIBLE_HEALTH
    good = (health >= least) & (health <= most) & (throughput >= 0) & (throughput < MOST_CYCLES)
    throughput, health = np.where(good, throughput, np.nan), np.where(good, health, np.nan)
    if np.any(good[:, 1:] & ~good[:, :-1]):
        order = np.argsort(~good, axis=1, kind="stable")
        throughput = np.take_along_axis(throughput, order, 1)
        health = np.take_along_axis(health, order, 1)
    return throughput, health


def _last(values: Floats, count: int) -> Floats:
    """The last values of each row that are not NaN, moved to the right."""
    order = np.argsort(np.isfinite(values), axis=1, kind="stable")
    return np.take_along_axis(values, order[:, -count:], 1)
