import pytest

from fleet.domain.battery.packs import Charge
from fleet.domain.battery.runtime import (
    minutes_to_full,
    rated_load_ma,
    runtime_left_min,
    smoothed_load,
)


def test_runtime_ends_at_the_reserve_and_not_at_zero() -> None:
    charge = Charge(remaining_mah=22_000, full_mah=40_000)
    assert runtime_left_min(charge, 2_000) == 600  # 22 Ah less 2 Ah of reserve, at 2 A


def test_below_the_reserve_nothing_is_promised() -> None:
    assert runtime_left_min(Charge(remaining_mah=1_000, full_mah=40_000), 2_000) == 0


@pytest.mark.parametrize("load", [None, 0, -5])
def test_without_a_load_there_is_no_runtime(load: float | None) -> None:
    assert runtime_left_min(Charge(remaining_mah=22_000, full_mah=40_000), load) is None


def test_until_a_load_is_known_a_full_battery_is_taken_to_last_its_rated_hours() -> None:
    full = Charge(remaining_mah=40_000, full_mah=40_000)
    assert runtime_left_min(full, rated_load_ma(full)) == 570


def test_the_load_follows_slowly_over_seconds_and_wholly_over_ten_minutes() -> None:
    assert smoothed_load(1_000, 2_000, 60) == 1_100
    assert smoothed_load(1_000, 2_000, 600) == 2_000
    assert smoothed_load(1_000, 2_000, 1e9) == 2_000


def test_a_clock_that_steps_back_does_not_move_the_load() -> None:
    assert smoothed_load(1_000, 2_000, -3_600) == 1_000


def test_a_charging_current_is_no_load() -> None:
    assert smoothed_load(1_000, -3_000, 60) == 1_000


def test_the_last_fifth_of_a_charge_takes_twice_as_long() -> None:
    half = Charge(remaining_mah=20_000, full_mah=40_000, current_ma=10_000, charging=True)
    assert minutes_to_full(half) == 168  # 12 Ah at 10 A, then 8 Ah at half of that


def test_in_the_tapering_end_the_present_current_is_already_the_slow_one() -> None:
    late = Charge(remaining_mah=36_000, full_mah=40_000, current_ma=4_000, charging=True)
    assert minutes_to_full(late) == 60


def test_what_does_not_charge_is_never_full() -> None:
    assert minutes_to_full(Charge(remaining_mah=20_000, full_mah=40_000, current_ma=-50)) is None
