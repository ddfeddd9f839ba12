"""Swings of charge, cut out of readings as they come, hour by hour; vectorised over packs.

Between two readings the current is taken to change evenly (trapezoids). A swing runs from one
turning point to the next, or from full to the cut-off whatever was topped up in between. A gap in
the readings ends it, unless the pack was at rest before and after and so nothing flowed. What a
pack carries from hour to hour is a `Run`, however long its swing.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery.capacity import LEAST_SWING
from fleet.domain.battery.incidents import REST_MA
from fleet.domain.words import Chemistry

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

GAP_S = 15 * 60.0
"""Further apart, two readings do not tell what flowed between them."""
LONGEST_REST_S = 24 * 3600.0
RESTED_AFTER_S = 30 * 60.0
"""Until the voltage, and a gauge that corrects itself by it, have settled."""
TURN = 0.03
"""Share of the capacity that must flow back before a swing has turned: less is a top-up."""
FULL_STATUS_SOC = 0.9
"""Some chargers call full what they stop at by their setting: that anchors nothing."""
FULL_SOC = 0.99
TAPERED = 0.05
"""Of the capacity an hour (C/20): a charger that sends less is done."""
CUTOFF_OF_FULL = {
    Chemistry.LIFEPO4: 2.8 / 3.6,
    Chemistry.NMC: 3.1 / 4.2,
    Chemistry.LCO: 3.2 / 4.35,
    Chemistry.LEAD_ACID: 1.8 / 2.35,
}
"""Where discharge ends over where charging does, V a cell, as makers give them: so the number of
cells need not be known."""
MOST_C_RATE = 1.0
"""Under a heavier load than emptying in an hour the voltage sags, and tells nothing."""
CHARGE_KEPT = {Chemistry.LEAD_ACID: 0.87}
"""Share of the charge put in that can be drawn again; of lithium cells nearly all."""
NONE, FULL, EMPTY = 0.0, 1.0, 2.0
"""What a run began with: a charge that is not known but from the gauge, or an anchor."""


@dataclass(slots=True)
class Run:
    """(packs,) each. mAh are counted from the beginning of the run, positive for charge put in."""

    at: Floats
    """The last reading that told a current, seconds since 1970; NaN before the first."""
    ma: Floats
    soc: Floats
    still_since: Floats
    anchor: Floats
    net: Floats
    high: Floats
    high_soc: Floats
    high_full: Floats
    low: Floats
    low_soc: Floats
    low_empty: Floats
    falling: Floats
    """1 from the highest point on, 0 from the lowest."""
    coldest: Floats
    full_mv: Floats
    """The voltage at which it was last seen full."""
    counter: Floats
    """What its gauge last said: cycles, and full-charge capacity."""
    believed_mah: Floats

    @classmethod
    def of_new_packs(cls, packs: int) -> Self:
        return cls(*(np.full(packs, np.nan) for _ in fields(cls)))

    def put(self, where: Bools, **values: Floats | float) -> None:
        for name, value in values.items():
            np.copyto(getattr(self, name), value, where=where)


class Series(NamedTuple):
    """(packs, readings) in the order of time, NaN or False where nothing is said."""

    at: Floats
    soc: Floats
    """Fraction of full."""
    ma: Floats
    mv: Floats
    temp_c: Floats
    says_full: Bools
    plugged: Bools


class Kind(NamedTuple):
    """(packs,): what a pack is."""

    size_mah: Floats
    """Roughly: what is a little and what is much."""
    cutoff_of_full: Floats
    charge_kept: Floats


class Cut(NamedTuple):
    """(swings,): whose each is, when it ended, and what it tells (`capacity.Swings`)."""

    pack: NDArray[np.intp]
    at: Floats
    moved_mah: Floats
    change: Floats
    from_full: Bools
    to_cutoff: Bools
    temp_c: Floats


class Step(NamedTuple):
    """One reading of each pack."""

    at: Floats
    soc: Floats
    ma: Floats
    mv: Floats
    temp_c: Floats
    full: Bools
    empty: Bools


def cut(run: Run, series: Series, kind: Kind) -> Cut:
    """The swings that end within the series; `run` is carried on to its end."""
    found: list[Cut] = []
    for column in range(series.at.shape[1]):
        reading = Series._make(values[:, column] for values in series)
        # What comes twice, or runs backwards, was counted before.
        told = np.isfinite(reading.at) & np.isfinite(reading.ma) & ~(reading.at <= run.at)
        step = _judged(run, reading, kind)
        found += _go_on(run, step, kind, told)
    return Cut(*(np.concatenate(part) for part in zip(*found, strict=True))) if found else _NOTHING


_NOTHING = Cut(np.zeros(0, dtype=np.intp), np.zeros(0), np.zeros(0), np.zeros(0),
               np.zeros(0, dtype=bool), np.zeros(0, dtype=bool), np.zeros(0))  # fmt: skip


def _judged(run: Run, reading: Series, kind: Kind) -> Step:
    at, soc, ma, mv, temp_c, says_full, plugged = reading
    done = says_full & ~(soc < FULL_STATUS_SOC)
    tapered = plugged & (soc >= FULL_SOC) & (ma >= 0) & (ma < TAPERED * kind.size_mah)
    light = (ma < 0) & (-ma < MOST_C_RATE * kind.size_mah)
    empty = light & (mv > 0) & (mv <= kind.cutoff_of_full * run.full_mv)
    return Step(at, soc, ma, mv, temp_c, done | tapered, empty)


def _go_on(run: Run, step: Step, kind: Kind, told: Bools) -> list[Cut]:
    elapsed = step.at - run.at
    still = np.abs(step.ma) < REST_MA
    slept = still & (np.abs(run.ma) < REST_MA) & ~(np.abs(step.soc - run.soc) > TURN)
    close = elapsed <= np.where(slept, LONGEST_REST_S, GAP_S)
    found = []
    if (torn := told & np.isfinite(run.at) & ~close).any():
        found.append(_leg(run, run.at, torn))
    _begin(run, step, told & ~close)
    moved = (step.ma + run.ma) / 2 * np.where(close, elapsed, 0.0) / 3600
    moved *= np.where(moved > 0, kind.charge_kept, 1.0)
    run.put(told & close, net=run.net + moved, coldest=np.fmin(run.coldest, step.temp_c))
    run.put(told & ~still, still_since=np.nan)
    run.put(told & still & np.isnan(run.still_since), still_since=step.at)
    run.put(told, at=step.at, ma=step.ma, soc=step.soc)
    found += _turn(run, step, TURN * kind.size_mah, told)
    found += _anchor(run, step, told)
    return [some for some in found if len(some.pack)]


def _begin(run: Run, step: Step, whose: Bools) -> None:
    """Anew, at a charge that only the gauge knows."""
    run.put(whose, anchor=NONE, net=0.0, high=0.0, low=0.0, high_soc=step.soc, low_soc=step.soc,
            high_full=0.0, low_empty=0.0, falling=1.0, coldest=step.temp_c, ma=step.ma)  # fmt: skip


def _turn(run: Run, step: Step, turn_mah: Floats, told: Bools) -> list[Cut]:
    """Follow the way down or up; where it has turned, the way to the turning point is a swing."""
    falling = run.falling == 1
    # At rest the charge does not change, and what the gauge says of it only gets better.
    rested = step.at - run.still_since >= RESTED_AFTER_S
    near = 0.1 * turn_mah
    lower = told & falling & ((run.net < run.low) | (rested & (run.net - run.low < near)))
    run.put(lower, low=np.minimum(run.net, run.low), low_soc=step.soc, low_empty=0.0)
    higher = told & ~falling & ((run.net > run.high) | (rested & (run.high - run.net < near)))
    run.put(higher, high=np.maximum(run.net, run.high), high_soc=step.soc, high_full=0.0)
    up = told & falling & (run.net > run.low + turn_mah) & ~step.full
    down = told & ~falling & (run.net < run.high - turn_mah) & ~step.empty
    found = [_leg(run, step.at, up | down)] if (up | down).any() else []
    run.put(up, falling=0.0, high=run.net, high_soc=step.soc, high_full=0.0)
    run.put(down, falling=1.0, low=run.net, low_soc=step.soc, low_empty=0.0)
    return found


def _leg(run: Run, at: Floats, whose: Bools) -> Cut:
    """From the highest to the lowest point, in whichever direction."""
    moved, change = run.high - run.low, run.high_soc - run.low_soc
    return _cut(run, at, whose, moved, change, run.high_full == 1, run.low_empty == 1)


def _anchor(run: Run, step: Step, told: Bools) -> list[Cut]:
    """At full and at the cut-off the charge is known: what was counted ends there, and begins."""
    full, empty = told & step.full, told & step.empty & ~step.full
    found = []
    if full.any():
        whole = run.anchor == EMPTY
        moved = np.where(whole, run.net, run.net - run.low)
        change = np.where(whole, 1.0, 1.0 - run.low_soc)
        found.append(_cut(run, step.at, full, moved, change, full, whole | (run.low_empty == 1)))
        run.put(full, anchor=FULL, net=0.0, high=0.0, low=0.0, high_soc=1.0, low_soc=1.0,
                high_full=1.0, low_empty=0.0, falling=1.0, coldest=step.temp_c)  # fmt: skip
        run.put(full & (step.mv > 0), full_mv=step.mv)
    if empty.any():
        whole = run.anchor == FULL
        moved = np.where(whole, -run.net, run.high - run.net)
        change = np.where(whole, 1.0, run.high_soc)
        found.append(_cut(run, step.at, empty, moved, change, whole | (run.high_full == 1), empty))
        run.put(empty, anchor=EMPTY, net=0.0, high=0.0, low=0.0, high_soc=0.0, low_soc=0.0,
                high_full=0.0, low_empty=1.0, falling=0.0, coldest=step.temp_c)  # fmt: skip
    return found


def _cut(
    run: Run, at: Floats, whose: Bools, moved: Floats, change: Floats, full: Bools, empty: Bools
) -> Cut:
    wide = np.flatnonzero(whose & (change >= LEAST_SWING) & (moved > 0))
    return Cut(wide, at[wide], moved[wide], change[wide], full[wide], empty[wide],
               run.coldest[wide])  # fmt: skip
