"""The packs in figures: how healthy they are, and how many fall when."""

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, select

from fleet.domain.battery.needs import Count
from fleet.domain.battery.quarters import Quarter
from fleet.store.database import db
from fleet.store.models import BatteryPack, Device, PackState
from fleet.store.queries.batteries import in_use, is_claim, joined

BANDS = (None, *range(50, 101, 5))
"""Where each begins, in percent of design; the first takes all below, the last all above."""


class Band(NamedTuple):
    """Packs from one of BANDS up to the next; `worn` of them are below their threshold."""

    low: int | None
    packs: int
    worn: int


class Health(NamedTuple):
    bands: list[Band]
    unknown: int


class Due(NamedTuple):
    """What falls of one model, chemistry and ward: by now, next quarter, and the quarter after.

    "By now" is all that has fallen, or falls before the next quarter begins.
    """

    model: str | None
    chemistry: str | None
    ward_id: int
    now: Count
    next: Count
    after: Count
    order: Count
    """All that falls by the end of the next quarter."""
    claims: int
    """Of `order`, how many likely fall while their warranty holds."""
    first: date | None
    """When the first of `order` falls."""


def health_of_fleet() -> Health:
    worn = case((PackState.health_pct < PackState.threshold_pct, 1), else_=0)
    ends = [(PackState.health_pct < end, place) for place, end in enumerate(BANDS[1:])]
    known = PackState.health_pct.is_not(None)
    place = case((~known, None), *ends, else_=len(BANDS) - 1).label("place")
    query = joined(select(place, func.count(), func.sum(worn))).where(*in_use()).group_by(place)
    counts = {row[0]: (row[1], row[2]) for row in db.session.execute(query)}
    bands = [Band(low, *counts.get(place, (0, 0))) for place, low in enumerate(BANDS)]
    return Health(bands, counts.get(None, (0, 0))[0])


def due_packs(today: date) -> list[Due]:
    """The whole fleet in one statement; every total by model or ward is a sum of these."""
    begin, after, end = quarters_from(today)
    times = ((None, begin), (begin, after), (after, end), (None, after))
    spans = [_between(first, until) for first, until in times]
    order = spans[-1][0]
    query = (
        joined(select(BatteryPack.model, BatteryPack.chemistry, Device.ward_id))
        .add_columns(
            *(_sum(part) for span in spans for part in span),
            _sum(and_(order, is_claim(today))),
            func.min(case((order, PackState.falls_on))),
        )
        .where(*in_use(), PackState.falls_from < end)
        .group_by(BatteryPack.model, BatteryPack.chemistry, Device.ward_id)
    )
    return [_due(row) for row in db.session.execute(query)]


def quarters_from(today: date) -> tuple[date, date, date]:
    """When the next quarter begins, the one after, and the one after that."""
    following = Quarter.of(today).following
    return following.first, following.following.first, following.following.following.first


def packs_to_order(today: date) -> int:
    """How many fall by the end of the next quarter, by their most likely dates."""
    _, end, _ = quarters_from(today)
    query = joined(select(func.count())).where(*in_use(), PackState.falls_on < end)
    return db.session.scalar(query) or 0


def _between(begin: date | None, end: date) -> tuple[ColumnElement[bool], ...]:
    """Likely, surely, possibly; of those that do not fall before it, as far as one can tell."""
    states = PackState
    later = [] if begin is None else [states.falls_on >= begin]
    return tuple(
        and_(*later, column < end)
        for column in (states.falls_on, states.falls_until, states.falls_from)
    )


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _due(row: Any) -> Due:
    model, chemistry, ward_id, *numbers, claims, first = row
    now, following, after, order = (Count(*numbers[at : at + 3]) for at in range(0, 12, 3))
    return Due(model, chemistry, ward_id, now, following, after, order, claims, first)
