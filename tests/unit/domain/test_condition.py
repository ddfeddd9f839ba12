from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.packs import Pack
from fleet.domain.condition import Condition, Policies, Sample
from fleet.domain.events import alerts_due, changes
from fleet.domain.words import AlertKind, Availability, Chemistry
from tests.support.judging import judge

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
PARKED = Pack(
    chemistry=Chemistry.LIFEPO4,
    soc_pct=90,
    remaining_mah=36_000,
    full_charge_mah=40_000,
    design_mah=40_000,
    current_ma=-200,
    status="discharging",
    power_source="none",
)
POLICIES = Policies(required_apps=frozenset({"emar"}))


def judged(pack: Pack, idle_s: int | None = 900, failed: tuple[str, ...] = ()) -> Condition:
    return judge(Condition(), Sample(NOON, (pack,), idle_s, failed), POLICIES)


def judged_low(pack: Pack, idle_s: int | None = 900) -> Condition:
    """As it stands when it has been so for five minutes."""
    first = judged(pack, idle_s)
    later = Sample(NOON + timedelta(minutes=5), (pack,), idle_s)
    return judge(first, later, POLICIES)


def test_a_charged_cart_that_nobody_touches_is_available() -> None:
    condition = judged(PARKED)
    assert condition.availability == Availability.AVAILABLE
    assert condition.soc_pct == 90


def test_a_cart_that_somebody_has_just_touched_is_in_use() -> None:
    assert judged(PARKED, idle_s=299).availability == Availability.IN_USE
    assert judged(PARKED, idle_s=300).availability == Availability.AVAILABLE


def test_a_cart_that_does_not_know_whether_it_is_touched_is_available() -> None:
    assert judged(PARKED, idle_s=None).availability == Availability.AVAILABLE


def test_a_cart_in_use_that_runs_low_is_low() -> None:
    low = PARKED._replace(soc_pct=15, remaining_mah=6_000, current_ma=-4_000)
    assert judged_low(low, idle_s=5).availability == Availability.LOW


def test_a_charging_cart_can_be_taken_once_it_is_charged_enough() -> None:
    plugged = PARKED._replace(status="charging", power_source="mains", current_ma=5_000)
    assert judged(plugged._replace(soc_pct=79)).availability == Availability.CHARGING
    assert judged(plugged._replace(soc_pct=80)).availability == Availability.AVAILABLE


def test_a_cart_without_the_app_it_is_for_is_out_of_service() -> None:
    condition = judged(PARKED, failed=("emar", "solitaire"))
    assert condition.availability == Availability.UNAVAILABLE
    assert condition.reason == "emar not running"


def test_an_app_that_nobody_requires_may_fail() -> None:
    assert judged(PARKED, failed=("solitaire",)).availability == Availability.AVAILABLE


def test_a_cart_with_a_dead_battery_is_out_of_service() -> None:
    assert judged(PARKED._replace(health="dead")).availability == Availability.UNAVAILABLE


def test_a_device_that_reports_no_battery_is_unknown_and_not_green() -> None:
    assert judge(Condition(), Sample(NOON), POLICIES).availability == Availability.UNKNOWN


def test_a_cart_plugged_into_a_dead_outlet_is_found_out() -> None:
    vain = PARKED._replace(soc_pct=50, status="not_charging", power_source="mains")
    assert AlertKind.NOT_CHARGING in alerts_due(judged(vain))
    assert AlertKind.NOT_CHARGING not in alerts_due(judged(PARKED))


def test_standing_still_does_not_promise_a_longer_round() -> None:
    in_use = judge(Condition(), Sample(NOON, (PARKED._replace(current_ma=-4_000),), 10), POLICIES)
    later = NOON + timedelta(minutes=30)
    parked = judge(in_use, Sample(later, (PARKED,), 1_800), POLICIES)
    assert in_use.load_ma == 4_000
    assert parked.load_ma == 4_000
    assert parked.runtime_min == in_use.runtime_min


def test_a_cart_never_seen_in_use_is_promised_what_it_is_rated_for() -> None:
    assert judged(PARKED).runtime_min == 510  # 36 Ah less 2 Ah of reserve, at 4 A


def test_a_low_cart_raises_one_change_of_availability_and_one_of_charging() -> None:
    low = judged_low(PARKED._replace(soc_pct=15, remaining_mah=6_000))
    assert [c.aspect for c in changes(judged(PARKED), low)] == ["availability", "needs_charging"]
    assert changes(low, low) == []


def test_the_charging_alert_says_how_much_is_left() -> None:
    low = judged_low(PARKED._replace(soc_pct=15, remaining_mah=6_000))
    assert alerts_due(low)[AlertKind.NEEDS_CHARGING] == "15 %, at least 48 min left"


packs = st.builds(
    Pack,
    chemistry=st.none() | st.sampled_from(Chemistry),
    soc_pct=st.none() | st.integers(0, 100),
    current_ma=st.none() | st.integers(-1_000_000, 1_000_000),
    cycle_count=st.none() | st.integers(0, 2**31 - 1),
    remaining_mah=st.none() | st.integers(0, 10_000_000),
    full_charge_mah=st.none() | st.integers(0, 10_000_000),
    design_mah=st.none() | st.integers(0, 10_000_000),
    status=st.none() | st.sampled_from(["charging", "discharging", "full", "not_charging"]),
    health=st.none() | st.sampled_from(["good", "dead", "failure", "cold"]),
    power_source=st.none() | st.sampled_from(["none", "mains", "dock", "usb"]),
)


@given(st.lists(st.lists(packs, max_size=3), min_size=1, max_size=6), st.integers(-(10**9), 10**9))
def test_no_series_of_readings_breaks_the_rules_or_shows_an_unknown_charge_as_available(
    series: list[list[Pack]], step_s: int
) -> None:
    condition = Condition()
    at = NOON
    for reading in series:
        condition = judge(condition, Sample(at, tuple(reading)), POLICIES)
        at += timedelta(seconds=step_s % 86_400 - 43_200)
        assert condition.runtime_min is None or condition.runtime_min >= 0
        assert condition.full_in_min is None or condition.full_in_min >= 0
        if condition.availability == Availability.AVAILABLE:
            assert condition.soc_pct is not None
            assert not condition.needs_charging


@pytest.mark.parametrize("soc", range(0, 101, 5))
def test_low_and_needs_charging_are_one_word(soc: int) -> None:
    condition = judged_low(PARKED._replace(soc_pct=soc, remaining_mah=400 * soc))
    assert (condition.availability == Availability.LOW) is condition.needs_charging


def test_one_quiet_moment_in_use_does_not_promise_a_day() -> None:
    quiet = judge(Condition(), Sample(NOON, (PARKED._replace(current_ma=-900),), 10), POLICIES)
    assert quiet.runtime_min == 510


def test_without_a_word_about_charging_no_outlet_is_called_dead() -> None:
    silent = PARKED._replace(soc_pct=50, status=None, current_ma=None, power_source="mains")
    assert not judged(silent).not_charging


def test_a_docked_cart_that_somebody_touches_is_not_in_use() -> None:
    docked = PARKED._replace(status="full", power_source="dock", current_ma=0)
    assert judged(docked, idle_s=10).availability == Availability.AVAILABLE


def test_a_worn_pack_whose_gauge_wavers_stays_worn() -> None:
    worn = judged(PARKED._replace(full_charge_mah=27_000, remaining_mah=20_000))
    assert worn.replacement is not None
    wavering = PARKED._replace(full_charge_mah=28_400, remaining_mah=20_000)
    assert judge(worn, Sample(NOON, (wavering,), 900), POLICIES).replacement is not None
    assert judged(wavering).replacement is None
