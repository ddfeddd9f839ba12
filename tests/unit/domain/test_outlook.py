from datetime import date

import numpy as np
import pytest

from fleet.domain.battery.outlook import FURTHEST_DAYS, days_left, toward_own, until_enough, why

NOW = date(2026, 11, 24)


def days(end: float, age: float, a_day: float, gap: float = 0.1, by_time: float = 0.0) -> float:
    return float(days_left(*(np.array([x]) for x in (end, age, a_day, gap, by_time)))[0])


def test_cycles_become_days_by_the_carts_own_use() -> None:
    assert days(400, 300, 0.5) == pytest.approx(200)


def test_time_takes_its_share_and_alone_ends_a_pack_that_stands() -> None:
    assert days(400, 300, 0.5, gap=0.1, by_time=0.05) < 200
    assert days(400, 300, 0.0, gap=0.1, by_time=0.05) == pytest.approx(2 * 365.25)


def test_no_use_and_no_ageing_is_no_end_in_sight() -> None:
    assert days(400, 300, 0.0) == FURTHEST_DAYS


def test_a_pack_below_its_threshold_has_no_days_and_no_forecast_stays_none() -> None:
    assert days(300, 300, 0.5) == days(400, 300, 0.5, gap=-0.01) == 0
    assert np.isnan(days(np.nan, 300, 0.5))


def test_own_packs_take_over_as_they_retire() -> None:
    prior, own = np.array([100.0]), np.log(np.array([0.5]))
    told = [float(toward_own(prior, own, retired, worth=8.0)[0]) for retired in (0, 8, 80)]
    assert told[0] == 100
    assert told[0] > told[1] > told[2] > 50


def test_too_little_data_says_how_long_it_takes() -> None:
    assert until_enough(2, 0.25) == "not enough data yet: needs about 12 more days"
    assert until_enough(2, 0.0) == "not enough data yet: needs 3 more readings"


def test_the_sentence_says_loss_comparison_date_and_interval() -> None:
    assert why(0.11, 210, 2.0, 0.8, NOW, (80, 110, 170), known=True) == (
        "lost 11 % in 210 cycles, twice its model's median; 80 % by March 2027, "
        "between February 2027 and May 2027"
    )
    assert why(0.11, 210, None, 0.8, NOW, (80, 110, 170), known=False).endswith("new model, wide")
    assert "no end in sight" in why(0.0, 5, None, 0.8, NOW, (9e3, 7305, 9e3), known=True)
