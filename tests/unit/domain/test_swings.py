"""Swings out of readings: what is cut where, whatever the hours in which the readings come."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fleet.domain.battery.swings import Cut, Kind, Run, Series, cut

LFP = Kind(np.array([40_000.0]), np.array([2.8 / 3.6]), np.array([1.0]))
MINUTE = 60.0
FULL_MV, EMPTY_MV = 28_800.0, 22_300.0


def series(
    at: list[float], soc: list[float], ma: list[float], full: bool | list[bool] = False,
    mv: float | list[float] = 26_000.0, temp_c: float = 25.0, plugged: bool = False,
) -> Series:  # fmt: skip
    """Of one pack."""
    like = np.zeros((1, len(at)))
    told = (at, soc, ma, mv, temp_c)
    return Series(*(np.array(values, dtype=float) + like for values in told),
                  np.array(full) | (like > 0), np.array(plugged) | (like > 0))  # fmt: skip


def joined(*parts: Series) -> Series:
    return Series(*(np.hstack(columns) for columns in zip(*parts, strict=True)))


def resting_full(at: float) -> Series:
    return series([at], [1.0], [0.0], full=True, mv=FULL_MV, plugged=True)


def drawing(begin: float, soc: float, until: float, ma: float = -4_000.0, **more: float) -> Series:
    """A reading a minute; the gauge believes in 40 Ah."""
    minutes = round((soc - until) * 40_000 / -ma * 60)
    at = [begin + MINUTE * n for n in range(minutes + 1)]
    return series(at, list(np.linspace(soc, until, len(at))), [ma] * len(at), **more)


def charging(begin: float, soc: float, until: float) -> Series:
    at = [begin + MINUTE * n for n in range(round((until - soc) * 40 / 10 * 60) + 1)]
    return series(at, list(np.linspace(soc, until, len(at))), [10_000.0] * len(at), plugged=True)


def cut_off(at: float, soc: float = 0.2) -> Series:
    return series([at], [soc], [-4_000.0], mv=EMPTY_MV)


def swings(whole: Series, kind: Kind = LFP) -> Cut:
    return cut(Run.of_new_packs(1), whole, kind)


def after(part: Series) -> float:
    return float(part.at[0, -1]) + MINUTE


def test_from_full_to_the_cut_off_the_charge_moved_is_the_capacity_whatever_the_gauge_says() -> (
    None
):
    """True 32 Ah: the gauge still says 20 % when the lights go out."""
    down = drawing(0, 1.0, 0.2)
    found = swings(joined(resting_full(-MINUTE), down, cut_off(after(down))))
    assert (found.from_full[-1], found.to_cutoff[-1], found.change[-1]) == (True, True, 1.0)
    assert found.moved_mah[-1] == pytest.approx(32_000, rel=0.01)


def test_a_top_up_on_the_way_does_not_break_the_way_from_full_to_empty() -> None:
    down = drawing(0, 1.0, 0.5)
    up = charging(after(down), 0.5, 0.6)
    again = drawing(after(up), 0.6, 0.1)
    found = swings(joined(resting_full(-MINUTE), down, up, again, cut_off(after(again))))
    whole = found.from_full & found.to_cutoff
    assert whole.sum() == 1
    assert found.moved_mah[whole] == pytest.approx(36_000, rel=0.02)


def test_a_swing_that_ends_where_it_is_plugged_in_has_the_gauges_word_for_its_end() -> None:
    down = drawing(0, 1.0, 0.4)
    found = swings(joined(resting_full(-MINUTE), down, charging(after(down), 0.4, 0.6)))
    assert found.change[0] == pytest.approx(0.6, abs=0.01)
    assert found.moved_mah[0] == pytest.approx(24_000, rel=0.01)
    assert (found.from_full[0], found.to_cutoff[0]) == (True, False)


def test_what_is_charged_up_to_full_is_a_swing_too() -> None:
    up = charging(0, 0.3, 1.0)
    found = swings(joined(up, resting_full(after(up))))
    assert (found.from_full[0], found.to_cutoff[0]) == (True, False)
    assert found.moved_mah[0] == pytest.approx(28_000, rel=0.02)


def test_small_swings_are_not_cut() -> None:
    down = drawing(0, 0.9, 0.6)
    assert not len(swings(joined(down, charging(after(down), 0.6, 0.8))).pack)


def test_a_gap_ends_a_swing_and_what_was_counted_before_it_stands() -> None:
    down = drawing(0, 1.0, 0.5)
    later = drawing(after(down) + 40 * MINUTE, 0.4, 0.1)
    found = swings(joined(resting_full(-MINUTE), down, later, cut_off(after(later))))
    assert found.change[0] == pytest.approx(0.5, abs=0.01)
    assert not (found.from_full & found.to_cutoff).any()


def test_a_gap_at_rest_is_bridged_because_nothing_flowed() -> None:
    down = drawing(0, 1.0, 0.5)
    still = series([after(down), after(down) + 8 * 3600], [0.5, 0.5], [0.0, 0.0])
    again = drawing(after(still), 0.5, 0.1)
    found = swings(joined(resting_full(-MINUTE), down, still, again, cut_off(after(again))))
    assert found.moved_mah[-1] == pytest.approx(36_000, rel=0.02)
    assert found.from_full[-1]


def test_after_a_rest_the_gauges_better_word_is_taken_for_the_end() -> None:
    """It said 50 % under load, and corrects itself to 45 %."""
    down = drawing(0, 1.0, 0.5)
    rest = series(
        [after(down) + n * 10 * MINUTE for n in range(6)], [0.5] * 3 + [0.45] * 3, [0.0] * 6
    )
    found = swings(joined(resting_full(-MINUTE), down, rest, charging(after(rest), 0.45, 0.6)))
    assert found.change[0] == pytest.approx(0.55, abs=0.001)


def test_the_coldest_moment_of_a_swing_is_known() -> None:
    down = drawing(0, 1.0, 0.2, temp_c=-4.0)
    assert swings(joined(resting_full(-MINUTE), down, cut_off(after(down)))).temp_c[-1] == -4.0


def test_a_charger_that_stops_at_eighty_percent_and_calls_it_full_anchors_nothing() -> None:
    stopped = series([-MINUTE], [0.8], [0.0], full=True, plugged=True)
    down = drawing(0, 0.8, 0.3)
    found = swings(joined(stopped, down, charging(after(down), 0.3, 0.5)))
    assert len(found.pack) == 1
    assert not found.from_full.any()


def test_a_tapered_current_at_the_top_is_full_without_the_word_and_a_strong_one_is_not() -> None:
    down = drawing(0, 1.0, 0.4)
    then = charging(after(down), 0.4, 0.6)
    for ma, is_full in ((500.0, True), (9_000.0, False)):
        top = series([-MINUTE], [1.0], [ma], mv=FULL_MV, plugged=True)
        assert swings(joined(top, down, then)).from_full[0] == is_full


def test_under_a_heavy_load_a_low_voltage_is_no_cut_off() -> None:
    down = drawing(0, 1.0, 0.5)
    sag = series([after(down)], [0.5], [-60_000.0], mv=EMPTY_MV)
    assert not swings(joined(resting_full(-MINUTE), down, sag)).to_cutoff.any()


def test_hour_by_hour_the_same_swings_are_cut_as_at_once() -> None:
    down = drawing(0, 1.0, 0.2)
    up = charging(after(down) + MINUTE, 0.0, 0.7)
    whole = joined(resting_full(-MINUTE), down, cut_off(after(down)), up,
                   drawing(after(up), 0.7, 0.1), charging(after(up) + 9e4, 0.1, 0.3))  # fmt: skip
    at_once = swings(whole)
    run, parts = Run.of_new_packs(1), []
    for begin, end in pairwise([*range(0, whole.at.shape[1], 37), None]):
        parts.append(cut(run, Series(*(column[:, begin:end] for column in whole)), LFP))
    in_parts = Cut(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    assert len(at_once.pack) >= 2
    for one, other in zip(at_once, in_parts, strict=True):
        np.testing.assert_allclose(one, other)


def test_readings_that_come_twice_or_run_backwards_are_counted_once() -> None:
    down = drawing(0, 1.0, 0.2)
    twice = joined(resting_full(-MINUTE), down, down, resting_full(-MINUTE), cut_off(after(down)))
    assert swings(twice).moved_mah[-1] == pytest.approx(32_000, rel=0.01)


def test_lead_acid_gives_back_less_than_was_put_in() -> None:
    up = charging(0, 0.3, 1.0)
    whole = joined(up, resting_full(after(up)))
    lithium, lead = (
        swings(whole, LFP._replace(charge_kept=np.array([kept]))) for kept in (1, 0.87)
    )
    assert lead.moved_mah[0] == pytest.approx(0.87 * lithium.moved_mah[0], rel=1e-3)


ANY = st.just(np.nan) | st.floats(min_value=-1e7, max_value=1e7)
MATRIX = arrays(float, (2, 12), elements=ANY)
FLAGS = arrays(bool, (2, 12))


@given(MATRIX, MATRIX, MATRIX, MATRIX, MATRIX, FLAGS, FLAGS)
def test_no_readings_are_too_strange(
    at: np.ndarray, soc: np.ndarray, ma: np.ndarray, mv: np.ndarray, temp: np.ndarray,
    full: np.ndarray, plugged: np.ndarray,
) -> None:  # fmt: skip
    kind = Kind(np.array([40_000.0, np.nan]), np.array([0.78, 0.74]), np.array([1.0, 0.87]))
    found = cut(Run.of_new_packs(2), Series(at, soc, ma, mv, temp, full, plugged), kind)
    assert np.isfinite(found.moved_mah).all()
    assert (found.moved_mah > 0).all()
    assert (found.change >= 0.35).all()
