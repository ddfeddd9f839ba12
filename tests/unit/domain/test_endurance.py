from datetime import UTC, datetime, timedelta

import numpy as np

from fleet.domain.battery.endurance import (
    HOURS,
    lasts_until,
    minutes_left,
    promised_minutes,
)

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
UNSEEN = np.full((1, HOURS), np.nan)


def left(usable: float, load: float, profile: np.ndarray = UNSEEN, hour: float = 10.0) -> float:
    return float(minutes_left(np.array([usable]), np.array([load]), profile, np.array([hour]))[0])


def test_without_a_profile_it_is_what_is_left_over_the_load() -> None:
    assert abs(left(5000, 2000) - 150) < 1e-6


def test_the_profile_weighs_more_beyond_an_hour() -> None:
    busy = np.full((1, HOURS), 4000.0)
    assert left(500, 2000, busy) > 0.9 * 15 * 0.9  # the next quarter of an hour is like the last
    assert left(20_000, 2000, busy) < 1.25 * 300  # five hours at the profile's load, not ten


def test_an_idle_night_ahead_is_seen() -> None:
    night = np.full((1, HOURS), 2000.0)
    night[0, 12:20] = 100.0
    assert left(8000, 2000, night, hour=11.0) > 2 * left(8000, 2000)


def test_nothing_usable_is_no_minutes_and_the_unknown_stays_unknown() -> None:
    assert left(0, 2000) == left(-50, 2000) == 0
    assert np.isnan(left(np.nan, 2000))
    assert np.isnan(left(5000, np.nan))


def test_a_load_of_zero_lasts_to_the_horizon() -> None:
    assert left(5000, 0.0) == 24 * 60


def test_four_of_five_carts_outlast_the_promise() -> None:
    rng = np.random.default_rng(3)
    usual, spread, carts = 2000.0, 0.3, 4000
    loads = usual * np.exp(spread * rng.standard_normal(carts))
    many = np.full((carts, HOURS), np.nan)
    usable, hour = np.full(carts, 6000.0), np.zeros(carts)
    promised = promised_minutes(
        usable, np.full(carts, usual), many, hour, np.full(carts, spread), np.full(carts, np.nan)
    )
    missed = np.mean(minutes_left(usable, loads, many, hour) < promised)
    assert 0.17 < missed < 0.23


def test_the_answer_for_the_shift() -> None:
    end = NOW + timedelta(hours=8)
    assert lasts_until(end, 500, NOW).text == "yes"
    assert lasts_until(end, 370, NOW).text == "dies about 04:10"
    assert lasts_until(end, np.nan, NOW).text == "unknown"
