"""Every night: when each pack falls below its threshold, from its state alone.

The shipped coefficients forecast cycles, the hospital's own ended packs correct them, and the
pack's own use, with time beside it, makes them dates.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Row, Select, func, select

from fleet.domain.battery.forecast import LEAST_READINGS, Forecast, Forecaster
from fleet.domain.battery.outlook import (
    FURTHEST_DAYS,
    LEAST_DAYS,
    LOSS_A_YEAR,
    days_left,
    days_until_told,
    warranty_until,
    why,
)
from fleet.domain.battery.own import Lessons, corrected, is_known_here, lessons
from fleet.domain.battery.wear import Wear
from fleet.domain.policies import policies_of
from fleet.domain.words import Chemistry
from fleet.forecasting import coefficients
from fleet.services.learn_packs import numbers
from fleet.services.pack_slots import chemistry_of
from fleet.services.replacements import hold_replacements
from fleet.store.battery import PackModel, PackState
from fleet.store.configuration import Configuration
from fleet.store.database import db, transaction
from fleet.store.device import BatteryPack
from fleet.store.driver import BulkUpdate
from fleet.store.packed import wear_of
from fleet.store.profile import ProfileVersion
from fleet.store.rollup import day_of

Floats = NDArray[np.float64]

READ_AT_ONCE = 10_000
WRITTEN_AT_ONCE = 2_000
OLDEST_USED = 20.0
"""Cycles before a pack's loss a cycle is compared with that of others."""
FEWEST_ALIKE = 5
"""Packs of a model that make a median."""

_WRITE = BulkUpdate(
    PackState, "pack_id", (),
    ("threshold_pct", "falls_on", "falls_from", "falls_until", "model_known", "why", "forecast_at"),
)  # fmt: skip
Rows = Sequence[Row[*tuple[Any, ...]]]


def forecast_packs(now: datetime) -> int:
    """Once a day, in UTC; returns how many packs were forecast."""
    newest = db.session.scalar(select(func.max(PackState.forecast_at)))
    if newest is not None and day_of(newest) >= day_of(now):
        return 0
    forecaster, models, thresholds = coefficients.load(), _models(), _Thresholds()
    own, usual = _of_all(forecaster, models, thresholds)
    count = 0
    for rows in _chunks():
        told = _told(_Packs.of(rows, models, thresholds), forecaster, own, usual, now)
        for begin in range(0, len(told), WRITTEN_AT_ONCE):
            with transaction() as session:
                _WRITE.run(session, told[begin : begin + WRITTEN_AT_ONCE])
        count += len(told)
    hold_replacements(now)
    return count


def _query() -> Select[*tuple[Any, ...]]:
    state, pack = PackState, BatteryPack
    return (
        select(
            pack.id, pack.model, pack.chemistry, pack.design_mah, pack.first_seen_at,
            pack.bought_on, state.wear, state.age_cycles, state.cycles_a_day, state.studied_since,
            state.studied_to, state.health_pct, state.falls_on, Configuration.profile_version_id,
        )
        .join(state, state.pack_id == pack.id)
        .outerjoin(Configuration, Configuration.device_pk == pack.device_pk)
    )  # fmt: skip


def _chunks(removed: bool = False) -> Iterator[Rows]:
    """Packs that are in use, or with those that were removed; in the order of their ids."""
    last = 0
    present = [] if removed else [PackState.removed_at.is_(None)]
    while True:
        some = _query().where(BatteryPack.id > last, *present).order_by(BatteryPack.id)
        rows = db.session.execute(some.limit(READ_AT_ONCE)).all()
        db.session.rollback()
        if rows:
            yield rows
        if len(rows) < READ_AT_ONCE:
            return
        last = rows[-1].id


def _models() -> dict[str, PackModel]:
    return {model.model: model for model in db.session.scalars(select(PackModel))}


class _Thresholds:
    """Percent of design capacity below which packs are replaced, by profile and chemistry."""

    def __init__(self) -> None:
        rows = db.session.execute(select(ProfileVersion.id, ProfileVersion.document))
        self._policies = {row.id: policies_of(row.document) for row in rows}
        self._known: dict[tuple[int | None, Chemistry | None], float] = {}

    def of(self, version_id: int | None, chemistry: Chemistry | None) -> float:
        key = version_id, chemistry
        if key not in self._known:
            policies = self._policies.get(version_id) if version_id else None
            policy = (policies or policies_of({})).for_chemistry(chemistry)
            self._known[key] = float(policy.replace_below_soh_pct)
        return self._known[key]


@dataclass(slots=True)
class _Packs:
    """(packs,) each."""

    rows: Rows
    wear: Wear
    names: list[str]
    models: list[PackModel | None]
    threshold: Floats
    nominal_ah: Floats
    health: Floats
    loss_a_year: Floats

    @classmethod
    def of(cls, rows: Rows, models: Mapping[str, PackModel], thresholds: _Thresholds) -> "_Packs":
        wear = wear_of([row.wear for row in rows])
        wear.age = np.fmax(wear.age, numbers([row.age_cycles for row in rows]))
        chemistries = [chemistry_of(row.chemistry) for row in rows]
        known = [models.get(row.model or "") for row in rows]
        threshold = [
            model.threshold_pct if model and model.threshold_pct
            else thresholds.of(row.profile_version_id, chemistry)
            for row, model, chemistry in zip(rows, known, chemistries, strict=True)
        ]  # fmt: skip
        return cls(
            rows, wear, [row.model or "" for row in rows], known, numbers(threshold) / 100,
            np.nan_to_num(numbers([row.design_mah for row in rows])) / 1000,
            numbers([row.health_pct for row in rows]) / 100,
            np.array([LOSS_A_YEAR[chemistry or Chemistry.NMC] for chemistry in chemistries]),
        )  # fmt: skip


def _of_all(
    forecaster: Forecaster, models: Mapping[str, PackModel], thresholds: _Thresholds
) -> tuple[Lessons, dict[str, float]]:
    """What ended packs teach, and the median loss a cycle of each model."""
    own: Lessons = {}
    losses: dict[str, list[float]] = {}
    for rows in _chunks(removed=True):
        packs = _Packs.of(rows, models, thresholds)
        taught = lessons(forecaster, packs.wear, packs.names, packs.threshold, packs.nominal_ah)
        for name, logs in taught.items():
            own.setdefault(name, []).extend(logs)
        rate = (1 - packs.health) / np.where(packs.wear.age >= OLDEST_USED, packs.wear.age, np.nan)
        for name, value in zip(packs.names, rate.tolist(), strict=True):
            if name and value > 0:
                losses.setdefault(name, []).append(value)
    return own, {n: float(np.median(v)) for n, v in losses.items() if len(v) >= FEWEST_ALIKE}


def _told(
    packs: _Packs, forecaster: Forecaster, own: Lessons, usual: Mapping[str, float], now: datetime
) -> list[tuple[Any, ...]]:
    told = forecaster(packs.wear, packs.names, packs.threshold, packs.nominal_ah)
    ends = np.stack([told.low, told.end_of_life, told.high])
    ends = corrected(ends, packs.wear.age, packs.names, own)
    told = Forecast(ends[1], ends[0], ends[2], told.known | _known_here(packs, own))
    days = np.stack([_days(packs, end) for end in ends])
    return [
        (
            row.id,
            float(100 * packs.threshold[n]),
            *_one(packs, n, told, days[:, n], usual, now),
            now,
        )
        for n, row in enumerate(packs.rows)
    ]


def _known_here(packs: _Packs, own: Lessons) -> NDArray[np.bool_]:
    return np.array([is_known_here(name, own) for name in packs.names], dtype=bool)


def _days(packs: _Packs, end: Floats) -> Floats:
    a_day = numbers([row.cycles_a_day for row in packs.rows])
    gap = packs.health - packs.threshold
    return days_left(end, packs.wear.age, a_day, gap, packs.loss_a_year)


def _one(
    packs: _Packs, n: int, told: Forecast, days: Floats, usual: Mapping[str, float], now: datetime
) -> tuple[date | None, date | None, date | None, bool, str]:
    """(falls on, from, until, whether its model is known, why) of one pack."""
    row, known, today = packs.rows[n], bool(told.known[n]), now.date()
    known_days = (row.studied_to - row.studied_since) / timedelta(days=1)
    threshold, health = float(packs.threshold[n]), float(packs.health[n])
    if health < threshold:
        fell = min(row.falls_on or today, today)
        worn = f"health {100 * health:.0f} %, replaced below {100 * threshold:.0f} %"
        return fell, fell, fell, known, worn
    if np.isnan(health):
        return None, None, None, known, "not enough data yet: the pack tells no capacity"
    readings = int(packs.wear.readings[n].sum())
    if readings < LEAST_READINGS or known_days < LEAST_DAYS or np.isnan(days).any():
        more = max(days_until_told(readings, known_days), 1)
        waits = f"not enough data yet: needs about {more} more days"
        return None, None, None, known, waits
    # A middle outside its own interval would be nonsense: quantiles may cross at the edges.
    low, middle, high = np.sort(days).tolist()
    age = float(packs.wear.age[n])
    times = (1 - health) / age / usual[row.model] if row.model in usual and age else None
    words = why(1 - health, age, times, threshold, today, (low, middle, high), known)
    dates = [None if d >= FURTHEST_DAYS else today + timedelta(days=round(d))
             for d in (middle, low, high)]  # fmt: skip
    words += _warranty(packs, n, told, dates[0])
    return dates[0], dates[1], dates[2], known, words[:256]


def _warranty(packs: _Packs, n: int, told: Forecast, falls_on: date | None) -> str:
    model, row = packs.models[n], packs.rows[n]
    if model is None or falls_on is None:
        return ""
    until = warranty_until(row.bought_on or row.first_seen_at.date(), model.warranty_months)
    within = model.warranty_cycles is None or told.end_of_life[n] <= model.warranty_cycles
    if until is None or falls_on > until or not within:
        return ""
    return f"; before its warranty ends on {until:%d %B %Y}"
