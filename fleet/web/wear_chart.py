"""A pack's wear as a picture: what was measured, the path through it, and the forecast's cone.

Everything in percent of the picture, so that it fits every screen. Time goes to the right. What
was measured is known by cycles: between the day when the pack was first heard of and now they are
taken to have come evenly, and from now on at its present pace.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from fleet.domain.battery.wear_path import Point, smooth, without_gaps

LEAST_DAYS = 30
TICKS = 4
MONTHS_APART = (1, 2, 3, 6, 12, 24, 60, 120)
DAYS_A_MONTH = 30.44


class Life(NamedTuple):
    """What is drawn; percent of design, equivalent full cycles."""

    first: date
    now: date
    age_cycles: float
    cycles_a_day: float
    bin_width: float
    points: Sequence[Point]
    health_pct: float | None
    threshold_pct: float | None
    falls_on: date | None
    falls_from: date | None
    falls_until: date | None


class Dot(NamedTuple):
    x: float
    y: float
    words: str


class Tick(NamedTuple):
    place: float
    words: str
    cycles: str = ""


class Chart(NamedTuple):
    """Lines are points of an SVG polyline in a picture of 100 by 100."""

    dots: list[Dot]
    paths: list[str]
    cone: str | None
    middle: str | None
    threshold: float | None
    now: float
    falls: float | None
    times: list[Tick]
    healths: list[Tick]


class _Scale(NamedTuple):
    life: Life
    last: date
    low: int
    high: int

    def x(self, day: date) -> float:
        return round(100 * (day - self.life.first).days / (self.last - self.life.first).days, 2)

    def y(self, pct: float) -> float:
        return round(100 * (self.high - pct) / (self.high - self.low), 2)

    def x_of_cycles(self, cycles: float) -> float:
        life = self.life
        begin = life.points[0].cycles if life.points else 0.0
        whole = max(life.age_cycles - begin, 1e-6)
        share = min(max((cycles - begin) / whole, 0.0), 1.0)
        return round(share * self.x(life.now), 2)

    def cycles(self, day: date) -> float:
        life = self.life
        if day >= life.now:
            return life.age_cycles + life.cycles_a_day * (day - life.now).days
        begin = life.points[0].cycles if life.points else 0.0
        share = (day - life.first).days / max((life.now - life.first).days, 1)
        return begin + share * (life.age_cycles - begin)


def draw(life: Life) -> Chart:
    scale = _Scale(life, _last_day(life), *_range(life))
    path = [100 * health for health in smooth(list(life.points))]
    places = [scale.x_of_cycles(point.cycles) for point in life.points]
    dots = [
        Dot(x, scale.y(100 * point.health), _told(point))
        for x, point in zip(places, life.points, strict=True)
    ]
    runs = without_gaps(list(life.points), life.bin_width)
    lines = [_line(zip(places[run], map(scale.y, path[run]), strict=True)) for run in runs]
    cone, middle = _cone(scale)
    return Chart(
        dots=dots,
        paths=lines,
        cone=cone,
        middle=middle,
        threshold=None if life.threshold_pct is None else scale.y(life.threshold_pct),
        now=scale.x(life.now),
        falls=scale.x(life.falls_on) if middle and life.falls_on else None,
        times=_times(scale),
        healths=[Tick(scale.y(p), f"{p} %") for p in range(scale.low, scale.high + 1, 10)],
    )


def _told(point: Point) -> str:
    return f"{100 * point.health:.1f} % at {point.cycles:.0f} cycles"


def _cone(scale: _Scale) -> tuple[str | None, str | None]:
    """From where it is now straight to the threshold: when it gets there is told, not how."""
    life = scale.life
    threshold, dates = life.threshold_pct, (life.falls_from, life.falls_on, life.falls_until)
    if threshold is None or life.health_pct is None or life.health_pct <= threshold:
        return None, None
    if any(day is None for day in dates):
        return None, None
    here = (scale.x(life.now), scale.y(life.health_pct))
    early, middle, late = (
        (scale.x(max(day, life.now)), scale.y(threshold)) for day in dates if day
    )
    return _line((here, early, late)), _line((here, middle))


def _line(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in places)


def _last_day(life: Life) -> date:
    """The end of the cone, unless it is so far away that all the rest would be a line's width."""
    wanted = max(life.falls_until or life.now, life.now)
    past = max((life.now - life.first).days, LEAST_DAYS)
    furthest = max(life.falls_on or life.now, life.now) + timedelta(days=past)
    return max(min(wanted, furthest), life.first + timedelta(days=LEAST_DAYS)) + timedelta(
        days=max(past // 20, 2)
    )


def _range(life: Life) -> tuple[int, int]:
    """Whole tens of percent around everything that is drawn."""
    told = [100 * point.health for point in life.points]
    told += [pct for pct in (life.health_pct, life.threshold_pct) if pct is not None]
    low, high = min(told, default=70.0), max(told, default=100.0)
    return max(int(low - 4) // 10 * 10, 0), max(-(-int(high + 1) // 10) * 10, 100)


def _times(scale: _Scale) -> list[Tick]:
    """First days of months, some four of them, and how many cycles it has done by then."""
    months = (scale.last - scale.life.first).days / DAYS_A_MONTH
    apart = next((step for step in MONTHS_APART if months / step <= TICKS + 1), MONTHS_APART[-1])
    number = scale.life.first.year * 12 + scale.life.first.month
    found = []
    for month in range(-(-number // apart) * apart, number + int(months) + 1, apart):
        day = date(month // 12, month % 12 + 1, 1)
        if scale.life.first <= day <= scale.last:
            found.append(Tick(scale.x(day), f"{day:%b %Y}", f"{scale.cycles(day):.0f}"))
    return found
