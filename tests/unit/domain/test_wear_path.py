"""A pack's wear as points and as a path through them."""

import numpy as np
import pytest

from fleet.domain.battery.wear import Wear
from fleet.domain.battery.wear_path import points, smooth, without_gaps


def worn(cycles: np.ndarray, noise: float = 0.0) -> Wear:
    """From 100 % to 80 % in 400 cycles."""
    health = 1.0 - 0.2 * cycles / 400 + np.random.default_rng(3).normal(0, noise, len(cycles))
    return Wear.of_histories([(cycles, health)])


def test_points_lie_where_the_readings_were() -> None:
    found = points(worn(np.arange(1.0, 400.0)))
    assert len(found) > 20
    assert sum(point.readings for point in found) == 399
    for point in found:
        assert point.health == pytest.approx(1.0 - 0.2 * point.cycles / 400, abs=0.002)


def test_of_nothing_there_are_no_points_and_no_path() -> None:
    found = points(Wear.of_new_packs(1))
    assert (found, smooth(found), without_gaps(found, 1.0)) == ([], [], [])


def test_the_path_is_calmer_than_the_points() -> None:
    found = points(worn(np.arange(1.0, 400.0, 9.0), noise=0.01))
    line = np.array([1.0 - 0.2 * point.cycles / 400 for point in found])
    off_the_points = np.array([point.health for point in found]) - line
    off_the_path = np.array(smooth(found)) - line
    assert np.abs(off_the_path).mean() < 0.7 * np.abs(off_the_points).mean()


def test_a_long_silence_parts_the_path_and_a_short_one_does_not() -> None:
    cycles = np.arange(1.0, 400.0, 2.0)
    silent = worn(cycles[(cycles < 150) | (cycles > 250)])
    runs = without_gaps(points(silent), float(silent.width[0]))
    assert len(runs) == 2
    assert points(silent)[runs[0]][-1].cycles < 160
    short = worn(cycles[(cycles < 150) | (cycles > 165)])
    assert len(without_gaps(points(short), float(short.width[0]))) == 1
