from datetime import datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.endurance import HOURS
from fleet.domain.battery.usage import (
    DAY_S,
    cycles_a_day,
    drawn_mah,
    grown_age,
    hour_of_week,
    is_in_use,
    learn_profile,
    powered_share,
)

HOUR_S = 3600.0


def one(value: float) -> np.ndarray:
    return np.array([value])


def test_what_was_drawn_is_the_mean_of_two_readings_over_their_time_and_gaps_count_nothing() -> (
    None
):
    at = np.array([[0.0, 600.0, 1200.0, 90_000.0]])
    ma = np.array([[-3000.0, -3000.0, -1000.0, -1000.0]])
    assert abs(drawn_mah(at, ma)[0] - (500 + 2000 / 6)) < 1e-6


def test_charging_draws_nothing() -> None:
    assert drawn_mah(np.array([[0.0, 600.0]]), np.array([[2000.0, 4000.0]]))[0] == 0


def test_a_counter_that_is_ahead_tells_of_hours_that_nobody_heard_of() -> None:
    assert grown_age(one(100), one(0.5), one(103), one(HOUR_S))[0] == 103
    assert grown_age(one(100), one(0.5), one(99), one(HOUR_S))[0] == 100.5


def test_a_counter_that_runs_faster_than_any_pack_is_not_believed() -> None:
    assert grown_age(one(100), one(0.5), one(9_000), one(HOUR_S))[0] == 100.5


def test_a_pack_seen_for_the_first_time_is_as_old_as_it_says() -> None:
    assert grown_age(one(0), one(0.1), one(850), one(np.nan))[0] == 850
    assert grown_age(one(0), one(0.1), one(np.nan), one(np.nan))[0] == 0.1


def test_use_is_told_without_bias_from_the_first_day_on() -> None:
    rate, known_s = one(np.nan), 0.0
    for _ in range(10):
        rate = cycles_a_day(rate, one(0.8), one(known_s), one(DAY_S))
        known_s += DAY_S
        assert abs(rate[0] - 0.8) < 1e-9


def test_use_follows_a_cart_that_moved_house_within_some_weeks() -> None:
    rate = one(0.2)
    for day in range(56):
        rate = cycles_a_day(rate, one(1.0), one((60 + day) * DAY_S), one(DAY_S))
    assert 0.85 < rate[0] < 1.0


def test_a_week_begins_on_monday_at_midnight() -> None:
    assert hour_of_week(datetime(2026, 11, 23, 0, 30)) == 0  # noqa: DTZ001 - local by intent
    assert hour_of_week(datetime(2026, 11, 29, 23, 59)) == HOURS - 1  # noqa: DTZ001


def test_a_device_works_that_draws_half_of_its_load_and_is_not_plugged_in() -> None:
    draw, plugged = np.array([2100.0, 1900.0, 2100.0, 60.0]), np.array([False, False, True, False])
    load = np.array([4000.0, 4000.0, 4000.0, np.nan])
    assert is_in_use(draw, plugged, load).tolist() == [True, False, False, True]


def test_a_profile_takes_its_first_hour_at_its_word_and_moves_slowly_then() -> None:
    profile, spread = np.full((1, HOURS), np.nan), one(np.nan)
    spread = learn_profile(profile, spread, np.array([9]), one(2000.0))
    assert profile[0, 9] == 2000
    assert np.isnan(spread[0])
    spread = learn_profile(profile, spread, np.array([9]), one(4000.0))
    assert 2000 < profile[0, 9] < 3000
    assert spread[0] > 0.25  # it drew twice what was foreseen
    assert np.isnan(np.delete(profile, 9, axis=1)).all()


def test_an_hour_without_use_changes_no_profile() -> None:
    profile = np.full((1, HOURS), 1500.0)
    assert learn_profile(profile, one(0.3), np.array([5]), one(np.nan))[0] == 0.3
    assert (profile == 1500).all()


def test_a_spread_goes_toward_what_is_seen() -> None:
    profile, spread = np.full((1, HOURS), 2000.0), one(np.nan)
    for hour in range(200):
        mean = 2000 * np.exp(0.1 * (-1) ** hour)
        profile[:] = 2000.0
        spread = learn_profile(profile, spread, np.array([hour]), one(mean))
    assert abs(spread[0] - 0.1) < 0.01


@given(st.floats(0, 1), st.floats(0, 500), st.floats(0, 1))
def test_a_share_stays_a_share(before: float, hours: float, part: float) -> None:
    assert -1e-9 <= powered_share(before, hours, part * hours) <= 1 + 1e-9


def test_a_zone_becomes_a_dock_within_two_weeks_of_eight_carts() -> None:
    share: float | None = None
    for _ in range(14 * 24):
        share = powered_share(share, 8.0, 7.6)
    assert share is not None
    assert 0.6 < share < 0.95
