"""48 carts through a day and more: the ward stays alive, and never degenerates."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from fleet.device.hardware import Measurements
from fleet.domain.battery.packs import Pack
from fleet.domain.condition import Condition, Policies, Sample
from fleet.domain.words import Availability, Chemistry
from fleet.simulator.device import SimulatedHardware
from fleet.simulator.habits import HOUR
from fleet.simulator.roster import demo_roster
from tests.support.judging import judge

SPEED = 20
REPORT_S = 30
REPORTS_A_DAY = int(24 * HOUR / (SPEED * REPORT_S))
POLICIES = Policies(required_apps=frozenset({"emar"}))


class Day:
    """What the rules make of every report of every cart; silent carts count as unknown."""

    def __init__(self, seed: int, reports: int) -> None:
        roster = demo_roster(seed, tablets=0)
        carts = [SimulatedHardware(d, roster, seed, speed=SPEED) for d in roster.devices]
        self.wards = [device.ward for device in roster.devices]
        self.moments: list[list[Condition]] = []
        conditions = [Condition() for _ in carts]
        now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
        for n in range(reports):
            at = now + timedelta(seconds=REPORT_S * n)
            for index, cart in enumerate(carts):
                measured = cart.sample(at, ["emar"])
                heard = _sample(measured, at) if cart.is_reachable else None
                conditions[index] = (
                    judge(conditions[index], heard, POLICIES) if heard else (Condition())
                )
            self.moments.append(list(conditions))

    def counts(self) -> list[Counter[Availability]]:
        return [Counter(c.availability for c in moment) for moment in self.moments]


def _sample(measured: Measurements, at: datetime) -> Sample:
    known = msgspec.to_builtins(measured.batteries[0])
    known["chemistry"] = Chemistry(known["chemistry"])
    del known["model"]
    failed = tuple(app.name for app in measured.apps if app.state != "running")
    return Sample(at, (Pack(**known),), measured.system.idle_s, failed)


@pytest.fixture(scope="module", params=[1, 2])
def day(request: pytest.FixtureRequest) -> Day:
    return Day(request.param, reports=2 * REPORTS_A_DAY)


def test_the_share_of_available_carts_stays_within_sensible_bounds(day: Day) -> None:
    shares = [counts[Availability.AVAILABLE] / 48 for counts in day.counts()]
    assert min(shares) > 0.2
    assert max(shares) < 0.95
    assert 0.4 < sum(shares) / len(shares) < 0.8


def test_every_condition_of_a_cart_is_seen_in_the_course_of_a_day(day: Day) -> None:
    seen = sum(day.counts()[:REPORTS_A_DAY], Counter())
    assert set(seen) == set(Availability)
    for availability in Availability:
        assert seen[availability] > 10


def test_at_most_moments_some_carts_are_used_and_some_charge(day: Day) -> None:
    counts = day.counts()
    busy = sum(c[Availability.IN_USE] > 0 and c[Availability.CHARGING] > 0 for c in counts)
    assert busy > 0.95 * len(counts)


def test_carts_run_low_at_times_and_never_all_at_once(day: Day) -> None:
    low = [counts[Availability.LOW] for counts in day.counts()]
    assert sum(count > 0 for count in low) > 0.2 * len(low)
    assert max(low) < 12


def test_carts_are_charged_again(day: Day) -> None:
    """Most carts are seen below 50 % and, later, above 90 %."""
    refilled = 0
    for cart in range(48):
        socs = [moment[cart].soc_pct for moment in day.moments]
        lows = [n for n, soc in enumerate(socs) if soc is not None and soc < 50]
        refilled += any(soc is not None and soc > 90 for soc in socs[lows[0] :]) if lows else 0
    assert refilled > 36


def test_the_charge_of_the_fleet_neither_runs_out_nor_fills_up(day: Day) -> None:
    for moment in day.moments:
        socs = [c.soc_pct for c in moment if c.soc_pct is not None]
        assert 50 < sum(socs) / len(socs) < 90


def test_no_cart_dies_on_the_ward(day: Day) -> None:
    assert all(c.soc_pct is None or c.soc_pct > 0 for moment in day.moments for c in moment)


def test_the_first_look_at_each_ward_shows_several_groups(day: Day) -> None:
    for ward in set(day.wards):
        groups = {
            c.availability for c, w in zip(day.moments[0], day.wards, strict=True) if w == ward
        }
        assert len(groups) >= 3


def test_two_or_more_packs_are_due_for_replacement_and_most_are_not(day: Day) -> None:
    worn = sum(condition.replacement is not None for condition in day.moments[0])
    assert 2 <= worn <= 8
