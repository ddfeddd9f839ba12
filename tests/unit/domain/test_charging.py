import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.charging import needs_charging
from fleet.domain.battery.packs import Charge
from fleet.domain.battery.policy import BatteryPolicy

POLICY = BatteryPolicy(needs_charging_below_pct=25, needs_charging_below_min=60, clear_above_pct=40)


def on_battery(soc: int) -> Charge:
    return Charge(soc_pct=soc, plugged_in=False)


def test_it_is_raised_at_the_threshold_and_not_above_it() -> None:
    assert needs_charging(False, on_battery(25), None, POLICY)
    assert not needs_charging(False, on_battery(26), None, POLICY)


def test_a_short_runtime_raises_it_even_with_charge_left() -> None:
    assert needs_charging(False, on_battery(50), 60, POLICY)
    assert not needs_charging(False, on_battery(50), 61, POLICY)


def test_once_raised_it_stays_until_the_clearing_charge() -> None:
    assert needs_charging(True, on_battery(39), None, POLICY)
    assert not needs_charging(True, on_battery(40), None, POLICY)


def test_once_raised_by_runtime_it_stays_until_there_is_a_margin() -> None:
    assert needs_charging(True, on_battery(50), 89, POLICY)
    assert not needs_charging(True, on_battery(50), 90, POLICY)


def test_a_device_that_charges_is_silent_however_empty() -> None:
    assert not needs_charging(True, Charge(soc_pct=3, plugged_in=True, charging=True), 5, POLICY)


def test_a_device_plugged_in_but_not_charging_still_needs_somebody() -> None:
    assert needs_charging(False, Charge(soc_pct=20, plugged_in=True), None, POLICY)


@pytest.mark.parametrize("was_needed", [True, False])
def test_an_unknown_charge_changes_nothing(was_needed: bool) -> None:
    assert needs_charging(was_needed, Charge(present=True), None, POLICY) is was_needed


def test_a_device_that_has_no_battery_any_more_needs_nobody() -> None:
    assert not needs_charging(True, Charge(), None, POLICY)


def test_a_full_device_on_its_dock_needs_nobody_however_short_it_lasts() -> None:
    full = Charge(soc_pct=100, plugged_in=True, full=True)
    assert not needs_charging(True, full, 30, POLICY)


@given(st.lists(st.integers(30, 38), min_size=2, max_size=30), st.booleans())
def test_a_charge_that_wavers_between_the_thresholds_never_flickers(
    charges: list[int], at_first: bool
) -> None:
    needed = at_first
    for soc in charges:
        needed = needs_charging(needed, on_battery(soc), None, POLICY)
        assert needed is at_first
