"""The picture of a pack's wear: everything stays inside it, and it says what is known."""

from datetime import date, timedelta

import pytest

from fleet.domain.battery.wear_path import Point
from fleet.web.wear_chart import Chart, Life, draw

NOW = date(2026, 11, 24)
POINTS = [Point(cycles, 1.0 - cycles / 2_000, 4) for cycles in range(10, 401, 10)]


def life(**changed: object) -> Life:
    plain = {
        "first": NOW - timedelta(days=400),
        "now": NOW,
        "age_cycles": 400.0,
        "cycles_a_day": 1.0,
        "bin_width": 10.0,
        "points": POINTS,
        "health_pct": 80.0,
        "threshold_pct": 70.0,
        "falls_on": NOW + timedelta(days=100),
        "falls_from": NOW + timedelta(days=60),
        "falls_until": NOW + timedelta(days=180),
    }
    return Life(**{**plain, **changed})  # type: ignore[arg-type]


def corners(line: str | None) -> list[tuple[float, float]]:
    pairs = [pair.split(",") for pair in (line or "").split()]
    return [(float(x), float(y)) for x, y in pairs]


def test_the_cone_opens_from_now_to_the_threshold() -> None:
    chart = draw(life())
    (here, early, late) = corners(chart.cone)
    assert here == (chart.now, 100 / 4 * 2)  # 80 % between 60 % and 100 %
    assert early[1] == late[1] == chart.threshold == 75.0
    assert here[0] < early[0] < (chart.falls or 0) < late[0] <= 100


def test_where_no_end_is_known_there_is_no_cone() -> None:
    for missing in ("falls_on", "falls_from", "falls_until", "threshold_pct", "health_pct"):
        chart = draw(life(**{missing: None}))
        assert (chart.cone, chart.falls) == (None, None), missing
    assert draw(life(health_pct=69.0)).cone is None  # it has fallen already


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"first": NOW},
        {"falls_until": NOW + timedelta(days=7_000), "falls_on": NOW + timedelta(days=5_000)},
        {"falls_from": NOW - timedelta(days=20)},
        {"points": [Point(0.0, 1.08, 1)], "age_cycles": 0.0},
        {"points": [], "health_pct": None, "threshold_pct": None, "falls_on": None},
    ],
)
def test_nothing_is_drawn_outside_of_the_picture(changed: dict[str, object]) -> None:
    chart = draw(life(**changed))
    places = [(dot.x, dot.y) for dot in chart.dots] + _ticks(chart)
    places += [corner for line in (*chart.paths, chart.middle) for corner in corners(line)]
    assert all(0 <= x <= 100 and 0 <= y <= 100 for x, y in places), places
    assert 0 <= chart.now <= 100


def _ticks(chart: Chart) -> list[tuple[float, float]]:
    return [(tick.place, 0.0) for tick in chart.times] + [(0.0, t.place) for t in chart.healths]


def test_the_axis_says_dates_and_the_cycles_done_by_then() -> None:
    chart = draw(life())
    assert 2 <= len(chart.times) <= 6
    assert [tick.place for tick in chart.times] == sorted(tick.place for tick in chart.times)
    cycles = [float(tick.cycles) for tick in chart.times]
    assert cycles == sorted(cycles)
    coming = next(tick for tick in chart.times if tick.place > chart.now)
    assert float(coming.cycles) > 400
