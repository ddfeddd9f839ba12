"""An hour of readings folded into what is known of the packs: computed here, written elsewhere."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fleet.domain.battery import usage
from fleet.domain.battery.incidents import REST_MA, SWOLLEN_FROM_C, Incident, seen_in
from fleet.domain.battery.learning import Health, is_confirmed, learn, of_gauge, remember
from fleet.domain.battery.packs import Pack
from fleet.domain.battery.rows import last, median, rows_of
from fleet.domain.battery.swings import (
    CHARGE_KEPT,
    CUTOFF_OF_FULL,
    RESTED_AFTER_S,
    Cut,
    Kind,
    Run,
    Series,
    cut,
)
from fleet.domain.battery.wear import Wear
from fleet.domain.words import Chemistry
from fleet.services.pack_slots import Studied
from fleet.store import packed
from fleet.store.rollup import HOUR, day_of
from fleet.store.study import SAYS_FULL, Readings

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

REST_GAIN = 0.2
"""What the newest rest counts against all before it."""


@dataclass(slots=True)
class Known:
    """(packs,) each: what is known before the hour, and then after it."""

    age: Floats
    cycles_a_day: Floats
    since: Floats
    to: Floats
    wear: Wear
    run: Run
    swings: Floats
    rest_mv: Floats

    @classmethod
    def of(cls, packs: list[Studied]) -> "Known":
        states = [pack.state for pack in packs]

        def column(name: str) -> list[Any]:
            return [getattr(state, name) if state else None for state in states]

        def moments(name: str) -> Floats:
            return numbers([moment and moment.timestamp() for moment in column(name)])

        return cls(
            np.nan_to_num(numbers(column("age_cycles"))), numbers(column("cycles_a_day")),
            moments("studied_since"), moments("studied_to"), packed.wear_of(column("wear")),
            packed.run_of(column("run")), packed.swings_of(column("swings")),
            packed.rest_of(column("rest_mv")),
        )  # fmt: skip


@dataclass(slots=True)
class Lesson:
    """What an hour taught: rows for the store, and suspicions by pack."""

    states: list[tuple[Any, ...]] = field(default_factory=list)
    proved: set[int] = field(default_factory=set)
    """Packs that ran from full to the cut-off: whatever the gauge says, now it is known."""
    swollen: dict[int, bool] = field(default_factory=dict)
    """Packs that were seen at rest, and whether they may be swollen."""


def learn_hour(
    packs: list[Studied], readings: Readings, whose: NDArray[np.intp], hour: datetime
) -> Lesson:
    """`packs`: those with readings in this hour; `whose`: the place in them of each reading."""
    known, until = Known.of(packs), (hour + HOUR).timestamp()
    rows = rows_of(whose, len(packs))
    told = {name: rows.spread(values) for name, values in readings._asdict().items()}
    series = Series(told["at"], told["soc"], told["ma"], told["mv"], told["temp_c"],
                    told["status"] == SAYS_FULL, rows.spread(readings.plugged, False))  # fmt: skip
    believed = np.where(
        (middle := median(told["believed_mah"])) > 0, middle, known.run.believed_mah
    )
    kind = _kind(packs, believed)
    design = numbers([pack.design_mah for pack in packs])
    _use(known, series, told["counter"], kind, until)
    new = cut(known.run, series, kind)
    remember(known.swings, new, believed, design)
    known.run.put(np.ones(len(packs), dtype=bool), believed_mah=believed,
                  counter=last(told["counter"], known.run.counter))  # fmt: skip
    due = _due(packs, new, believed, hour)
    healths = _judge(packs, known, believed, design, due, until)
    _wear(packs, known, healths, new, due)
    swollen = _rest(packs, known, series)
    before = [pack.state.worn_at if pack.state else None for pack in packs]
    worn_at = [hour + HOUR if d else at for d, at in zip(due, before, strict=True)]
    proved = set(new.pack[new.from_full & new.to_cutoff].tolist())
    return Lesson(_states(known, healths, worn_at, hour + HOUR), proved, swollen)


def numbers(values: list[Any]) -> Floats:
    """NaN for None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _kind(packs: list[Studied], believed: Floats) -> Kind:
    chemistries = [pack.chemistry or Chemistry.NMC for pack in packs]
    return Kind(
        np.fmax(numbers([pack.design_mah for pack in packs]), believed),
        np.array([CUTOFF_OF_FULL[chemistry] for chemistry in chemistries]),
        np.array([CHARGE_KEPT.get(chemistry, 1.0) for chemistry in chemistries]),
    )


def _use(known: Known, series: Series, counter: Floats, kind: Kind, until: float) -> None:
    at = np.hstack([known.run.at[:, None], series.at])
    drawn = usage.drawn_mah(at, np.hstack([known.run.ma[:, None], series.ma]))
    cycles = np.nan_to_num(drawn / kind.size_mah)
    elapsed = until - known.to
    age = usage.grown_age(known.age, cycles, median(counter), elapsed)
    first = np.isnan(known.to)
    since = np.where(first, until - HOUR.total_seconds(), known.since)
    known_s = np.where(first, 0.0, known.to - since)
    used = np.where(first, cycles, age - known.age)
    known.cycles_a_day = usage.cycles_a_day(
        known.cycles_a_day, used, known_s, until - since - known_s
    )
    known.age, known.since = age, since


def _due(packs: list[Studied], new: Cut, believed: Floats, hour: datetime) -> Bools:
    """Whose health is judged anew: after a new swing; by its gauge's word once a day."""
    today = day_of(hour)
    worn_at = [pack.state.worn_at if pack.state else None for pack in packs]
    due = np.array([at is None or at < today for at in worn_at]) & np.isfinite(believed)
    due[new.pack] = True
    return due


def _judge(
    packs: list[Studied], known: Known, believed: Floats, design: Floats, due: Bools, until: float
) -> list[Health]:
    return [
        learn(known.swings[n], believed[n], design[n], until) if due[n] else _before(pack)
        for n, pack in enumerate(packs)
    ]


def _before(pack: Studied) -> Health:
    state = pack.state
    if state is None:
        return Health(None, None, None, "the pack tells no capacity")
    return Health(state.health_pct, state.health_deviation_pct, state.health_source,
                  state.health_reason, state.learned_mah, state.learned_deviation_mah)  # fmt: skip


def _wear(packs: list[Studied], known: Known, healths: list[Health], new: Cut, due: Bools) -> None:
    """One health a day by the gauge, or one for each new swing; never both in one history.

    Where what was counted and what the gauge said do not agree, a history of its own begins.
    """
    swung = np.zeros(len(packs), dtype=bool)
    swung[new.pack] = True
    taken = np.full(len(packs), np.nan)
    renewed = np.zeros(len(packs), dtype=bool)
    for n in np.flatnonzero(due):
        health, before = healths[n], _before(packs[n])
        if health.pct is None or (health.source == "counted" and not swung[n]):
            continue
        taken[n] = health.pct / 100
        if before.source and before.source != health.source:
            gauge = of_gauge(known.run.believed_mah[n], packs[n].design_mah or np.nan, None)
            counted = health if health.source == "counted" else before
            renewed[n] = not is_confirmed(counted, gauge)
    known.wear.forget(renewed)
    known.wear.absorb(known.age[:, None], taken[:, None])


def _rest(packs: list[Studied], known: Known, series: Series) -> dict[int, bool]:
    """Voltages at rest: the usual ones are learned, and what is unusual is told."""
    still = np.isfinite(series.ma) & (np.abs(series.ma) < REST_MA)
    rested = still & (series.at - known.run.still_since[:, None] >= RESTED_AFTER_S)
    rested &= np.isfinite(series.soc) & (series.mv > 0)
    swollen: dict[int, bool] = {}
    for n in np.flatnonzero(rested.any(1)).tolist():
        column = int(np.flatnonzero(rested[n])[-1])
        tenth = min(int(10 * series.soc[n, column]), packed.REST_BINS - 1)
        usual, mv = known.rest_mv[n, tenth], series.mv[n, column]
        temp_c = series.temp_c[n, column]
        if temp_c >= SWOLLEN_FROM_C:
            seen = Pack(voltage_mv=int(mv), current_ma=0, temp_c=float(temp_c),
                        chemistry=packs[n].chemistry)  # fmt: skip
            swollen[n] = Incident.SWELLING in seen_in(seen, None if np.isnan(usual) else usual)
        elif temp_c < SWOLLEN_FROM_C:
            swollen[n] = False
        if not swollen.get(n):
            known.rest_mv[n, tenth] = mv if np.isnan(usual) else usual + REST_GAIN * (mv - usual)
    return swollen


def _states(
    known: Known, healths: list[Health], worn_at: list[datetime | None], until: datetime
) -> list[tuple[Any, ...]]:
    """In the order of `study.LEARNED`."""
    a_day = [None if np.isnan(value) else value for value in known.cycles_a_day.tolist()]
    columns = zip(
        known.age.tolist(), a_day, packed.wear_blobs(known.wear), worn_at,
        packed.run_blobs(known.run), packed.swing_blobs(known.swings),
        packed.rest_blobs(known.rest_mv), healths, strict=True,
    )  # fmt: skip
    return [
        (until, *row, health.learned_mah, health.learned_deviation_mah, health.pct,
         health.deviation_pct, health.source, health.reason)
        for *row, health in columns
    ]  # fmt: skip
