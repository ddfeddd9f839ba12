import numpy as np
import pytest

from fleet.domain.battery.capacity import Swings, capacity


def swings(
    moved: list[float],
    change: list[float],
    full: bool = False,
    cutoff: bool = False,
    temp: float = 25.0,
    believed: float = np.nan,
) -> Swings:
    many = len(moved)
    return Swings(
        np.array(moved), np.array(change), np.full(many, full), np.full(many, cutoff),
        np.full(many, temp), np.full(many, believed),
    )  # fmt: skip


def test_charge_moved_over_the_swing_is_the_capacity() -> None:
    told = capacity(swings([16.0, 16.1, 15.9], [1.0, 1.0, 1.0], full=True, cutoff=True))
    assert told.full_ah == pytest.approx(16.0)
    assert told.reason is None


def test_small_swings_tell_nothing() -> None:
    assert capacity(swings([3.0], [0.2])).reason == "no swing of 35 % yet"


def test_a_gauge_that_repeats_its_belief_is_not_believed() -> None:
    told = capacity(swings([10.0, 8.0], [0.5, 0.4], believed=20.0))
    assert told.full_ah is None
    assert "repeats itself" in (told.reason or "")


def test_an_anchored_swing_counts_even_if_it_agrees_with_the_gauge() -> None:
    assert capacity(swings([20.0], [1.0], full=True, cutoff=True, believed=20.0)).full_ah == 20.0


def test_what_the_cold_withholds_is_not_held_against_the_pack() -> None:
    cold = capacity(swings([14.6], [1.0], full=True, cutoff=True, temp=10.0))
    assert cold.full_ah == pytest.approx(14.6 / 0.91)


def test_more_and_wider_swings_are_surer() -> None:
    wide = capacity(swings([16.0], [1.0])).deviation_ah
    narrow = capacity(swings([6.4], [0.4])).deviation_ah
    assert wide is not None
    assert narrow is not None
    assert wide < narrow / 2


@pytest.mark.parametrize("moved", [[], [0.0], [-3.0], [float("nan")]])
def test_no_charge_is_no_estimate(moved: list[float]) -> None:
    assert capacity(swings(moved, [0.5] * len(moved))).full_ah is None


def test_one_wild_swing_does_not_carry_the_estimate() -> None:
    told = capacity(swings([16.0, 16.2, 15.9, 90.0], [1.0] * 4, full=True, cutoff=True))
    assert told.full_ah == pytest.approx(16.0, rel=0.02)
