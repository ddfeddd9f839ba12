from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.charging import Need, needs_charging, wanted_min
from fleet.domain.battery.packs import Charge
from fleet.domain.battery.policy import BatteryPolicy

POLICY = BatteryPolicy(needs_charging_below_pct=25, needs_charging_below_min=60, clear_above_pct=40)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CALLED = Need(True, NOON - timedelta(minutes=10))
BARE = Charge(soc_pct=50, plugged_in=False, present=True)


def after(
    promised: list[int | None],
    *,
    was: Need | None = None,
    charge: Charge = BARE,
    to_end: float = 400,
) -> list[bool]:
    """Whether the call stands after each of these promises, a minute apart."""
    need, raised = was or Need(), []
    for minute, one in enumerate(promised):
        at = NOON + timedelta(minutes=minute)
        need = needs_charging(need, charge, one, to_end - minute, at, POLICY)
        raised.append(need.raised)
    return raised


def test_it_is_raised_when_the_promise_has_been_short_for_five_minutes() -> None:
    assert after([59] * 7) == [False] * 5 + [True] * 2
    assert not any(after([60] * 30))


def test_one_good_promise_begins_the_five_minutes_anew() -> None:
    assert after([59, 59, 59, 60, 59, 59, 59, 59, 59, 59]) == [False] * 9 + [True]


def test_within_two_hours_of_its_end_the_shift_is_to_be_lasted_out() -> None:
    assert after([100] * 6, to_end=119)[-1]
    assert not after([100] * 6, to_end=300)[-1]


def test_a_full_cart_that_cannot_last_the_whole_shift_is_no_call() -> None:
    assert not any(after([360] * 30, to_end=480))


def test_a_cart_that_dies_ten_minutes_into_the_next_shift_is_called_before_its_start() -> None:
    dies_at = 120
    assert True in after([dies_at - minute for minute in range(110)], to_end=110)


def test_once_raised_it_stays_until_there_is_a_margin() -> None:
    assert after([89], was=CALLED) == [True]
    assert after([90], was=CALLED) == [False]


def test_where_nothing_can_be_promised_the_charge_decides() -> None:
    low = BARE._replace(soc_pct=25)
    assert after([None] * 6, charge=low)[-1]
    assert not after([None] * 6, charge=BARE._replace(soc_pct=26))[-1]
    assert after([None], was=CALLED, charge=BARE._replace(soc_pct=39)) == [True]
    assert after([None], was=CALLED, charge=BARE._replace(soc_pct=40)) == [False]


def test_a_device_plugged_in_but_not_charging_still_needs_somebody() -> None:
    assert after([10] * 6, charge=BARE._replace(plugged_in=True))[-1]


def test_an_unknown_charge_changes_nothing() -> None:
    for was in (CALLED, Need()):
        assert needs_charging(was, Charge(present=True), None, 100, NOON, POLICY) == was


@pytest.mark.parametrize(
    "charge", [Charge(), Charge(soc_pct=100, plugged_in=True, full=True, present=True)]
)
def test_no_battery_or_a_full_one_on_its_dock_needs_nobody(charge: Charge) -> None:
    assert needs_charging(CALLED, charge, 30, 400, NOON, POLICY) == Need()


def test_a_clock_put_back_does_not_delay_the_call() -> None:
    need = needs_charging(Need(False, NOON + timedelta(hours=5)), BARE, 10, 400, NOON, POLICY)
    assert need.short_since == NOON


def test_without_shifts_an_hour_is_wanted() -> None:
    assert wanted_min(None, POLICY) == 60


needs = st.builds(Need, st.booleans(), st.none() | st.datetimes(timezones=st.just(UTC)))
minutes = st.none() | st.integers(0, 1440)


@given(needs, minutes, st.none() | st.floats(0, 1440), st.none() | st.integers(0, 100))
def test_a_device_that_charges_is_silent_whatever_is_promised(
    was: Need, promised: int | None, to_end: float | None, soc: int | None
) -> None:
    charging = Charge(soc_pct=soc, plugged_in=True, charging=True, present=True)
    assert needs_charging(was, charging, promised, to_end, NOON, POLICY) == Need()


@given(st.lists(st.integers(60, 89), min_size=2, max_size=30), st.booleans())
def test_a_promise_that_wavers_within_the_margin_never_flickers(
    promised: list[int], at_first: bool
) -> None:
    was = CALLED if at_first else Need()
    assert after([*promised], was=was, to_end=400) == [at_first] * len(promised)


@given(needs, st.integers(0, 1440), st.integers(0, 200), st.floats(0, 1440))
def test_a_longer_promise_never_raises_what_a_shorter_one_does_not(
    was: Need, promised: int, more: int, to_end: float
) -> None:
    shorter = needs_charging(was, BARE, promised, to_end, NOON, POLICY)
    longer = needs_charging(was, BARE, promised + more, to_end, NOON, POLICY)
    assert shorter.raised or not longer.raised
