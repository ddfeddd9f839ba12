from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.endurance import (
    HORIZON_MIN,
    HOURS,
    Learned,
    Promise,
    Stock,
    lasts_until,
    minutes_left,
    promised_minutes,
    promises,
)
from fleet.domain.battery.packs import Charge

NOW = datetime(2026, 11, 24, 22, 0, tzinfo=UTC)
UNSEEN = np.full((1, HOURS), np.nan)


def left(usable: float, load: float, profile: np.ndarray = UNSEEN, hour: float = 10.0) -> float:
    minutes = minutes_left(np.array([[usable]]), np.array([load]), profile, np.array([hour]))
    return float(minutes[0, 0])


def told(charge: Charge, load: float | None = None, **learned: float) -> Promise:
    return promises([Stock(charge, load, 5)], [Learned(**learned)], [0.0])[0]


def test_without_a_profile_it_is_what_is_left_over_the_load() -> None:
    assert abs(left(5000, 2000) - 150) < 1e-6


def test_the_profile_weighs_more_beyond_an_hour() -> None:
    busy = np.full((1, HOURS), 4000.0)
    assert 12 < left(500, 2000, busy) < 15  # the next quarter of an hour is like the last
    assert 300 < left(20_000, 2000, busy) < 330  # five hours at the profile's load, not ten


def test_an_idle_night_ahead_is_seen() -> None:
    night = np.full((1, HOURS), 2000.0)
    night[0, 12:20] = 100.0
    assert left(8000, 2000, night, hour=11.0) > 2 * left(8000, 2000)


def test_nothing_usable_is_no_minutes_and_the_unknown_stays_unknown() -> None:
    assert left(0, 2000) == left(-50, 2000) == 0
    assert np.isnan(left(np.nan, 2000))
    assert np.isnan(left(5000, np.nan))


def test_what_was_drawn_is_taken_from_the_learned_capacity_not_from_the_reported_one() -> None:
    believed = Charge(remaining_mah=30_000, full_mah=40_000, present=True)
    assert told(believed, 2_000).empty_min == 900
    assert told(believed, 2_000, usable_mah=30_000).empty_min == 600


def test_a_cold_pack_lends_less_of_what_it_learned_at_room_temperature() -> None:
    believed = Charge(remaining_mah=40_000, full_mah=40_000, present=True)
    warm, cold = believed._replace(temp_c=24.9), believed._replace(temp_c=5.0)
    assert told(warm, 2_000, usable_mah=30_000).empty_min == 899
    assert told(cold, 2_000, usable_mah=30_000).empty_min == 792  # 12 % less, at 20 degrees less


def test_a_gauge_that_tells_percent_only_is_promised_by_the_learned_capacity() -> None:
    percent = Charge(soc_pct=50, present=True)
    assert told(percent, 2_000) == Promise()
    assert told(percent, 2_000, usable_mah=20_000).empty_min == 300


def test_the_promise_ends_at_the_reserve_and_below_what_is_expected() -> None:
    promise = told(Charge(remaining_mah=22_000, full_mah=40_000, present=True), 2_000)
    assert promise.empty_min == 660
    assert promise.reserve_min == 600
    assert 450 < (promise.promised_min or 0) < 600


def test_until_a_load_is_known_a_full_battery_is_taken_to_last_its_rated_hours() -> None:
    assert told(Charge(remaining_mah=40_000, full_mah=40_000, present=True)).reserve_min == 570


anything = st.none() | st.integers(-(10**9), 10**9)
odd = st.none() | st.floats(allow_nan=True, allow_infinity=True)


@given(anything, anything, anything, odd, odd, odd, odd)
def test_no_reading_breaks_the_promise_or_makes_it_more_than_is_expected(
    soc: int | None, remaining: int | None, full: int | None, load: float | None,
    usable: float | None, spread: float | None, capacity_spread: float | None,
) -> None:  # fmt: skip
    charge = Charge(soc_pct=soc, remaining_mah=remaining, full_mah=full, present=True)
    learned = Learned(usable, capacity_spread, spread)
    with np.errstate(all="ignore"):
        [promise] = promises([Stock(charge, load, 5)], [learned], [3.0])
    if promise != Promise():
        assert promise.promised_min is not None
        assert promise.reserve_min is not None
        assert promise.empty_min is not None
        assert 0 <= promise.promised_min <= promise.reserve_min <= promise.empty_min <= HORIZON_MIN


@given(st.integers(0, 39_000), st.integers(1, 1_000), st.integers(100, 10_000))
def test_more_charge_never_promises_less(remaining: int, more: int, load: int) -> None:
    less = told(Charge(remaining_mah=remaining, full_mah=40_000, present=True), load)
    fuller = told(Charge(remaining_mah=remaining + more, full_mah=40_000, present=True), load)
    assert (fuller.promised_min or 0) >= (less.promised_min or 0)


def test_a_load_of_zero_lasts_to_the_horizon() -> None:
    assert left(5000, 0.0) == 24 * 60


def test_four_of_five_carts_outlast_the_promise() -> None:
    rng = np.random.default_rng(3)
    usual, spread, carts = 2000.0, 0.3, 4000
    loads = usual * np.exp(spread * rng.standard_normal(carts))
    many = np.full((carts, HOURS), np.nan)
    usable, hour, no = np.full(carts, 6000.0), np.zeros(carts), np.zeros(carts)
    promised = promised_minutes(
        usable, no, np.full(carts, usual), many, hour, np.full(carts, spread), no
    )[:, 2]
    missed = np.mean(minutes_left(usable[:, None], loads, many, hour)[:, 0] < promised)
    assert 0.17 < missed < 0.23


def test_the_answer_for_the_shift() -> None:
    end = NOW + timedelta(hours=8)
    assert lasts_until(end, Promise(700, 650, 500), NOW).text == "yes"
    assert lasts_until(end, Promise(500, 450, 400), NOW).text == "no"
    assert lasts_until(end, Promise(370, 350, 300), NOW).text == "dies about 04:10"
    assert lasts_until(end, Promise(), NOW).text == "unknown"
    assert lasts_until(None, Promise(370, 350, 300), NOW).text == "unknown"
