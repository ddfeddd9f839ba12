import numpy as np
import pytest

from fleet.domain.battery.learning import (
    AN_ANCHOR_IS_WORTH_S,
    FORGOTTEN_AFTER_S,
    KEPT,
    Health,
    is_confirmed,
    learn,
    no_swings,
    of_gauge,
    remember,
)
from fleet.domain.battery.swings import Cut

NOW_S = 2_000_000_000.0
DESIGN = 40_000.0


def swing(
    at: float, whole_mah: float, change: float = 1.0, anchored: bool = True, pack: int = 0
) -> Cut:
    """One from full to the cut-off of a pack that holds so much; not anchored: by the gauge."""
    return Cut(np.array([pack]), np.array([at]), np.array([whole_mah * change]), np.array([change]),
               np.array([anchored]), np.array([anchored]), np.array([25.0]))  # fmt: skip


def kept_of(*swings: Cut, believed: float = DESIGN) -> np.ndarray:
    kept = no_swings(1)
    for one in swings:
        remember(kept, one, np.array([believed]), np.array([DESIGN]))
    return kept


def test_a_swing_from_full_to_empty_tells_the_health_whatever_the_gauge_believes() -> None:
    told = learn(kept_of(swing(NOW_S, 30_000))[0], DESIGN, DESIGN, NOW_S)
    assert told.source == "counted"
    assert told.pct is not None
    assert told.deviation_pct is not None
    assert abs(told.pct - 75) < 0.1
    assert 0.3 < told.deviation_pct < 2
    assert told.reason == "one swing only"


def test_without_a_swing_it_is_the_gauges_word_and_says_what_is_missing() -> None:
    assert learn(no_swings(1)[0], 36_000, DESIGN, NOW_S) == Health(
        90.0, 5.0, "gauge", "no swing of 35 % yet"
    )


def test_an_echo_of_the_gauge_is_no_count() -> None:
    told = learn(kept_of(swing(NOW_S, DESIGN, 0.5, anchored=False))[0], DESIGN, DESIGN, NOW_S)
    assert told.source == "gauge"
    assert told.reason == "the gauge only repeats itself: needs a full charge to empty"


def test_what_no_pack_can_hold_is_not_remembered() -> None:
    kept = kept_of(swing(NOW_S, 1.4 * DESIGN), swing(NOW_S, 0.05 * DESIGN))
    assert np.isnan(kept).all()


def test_old_swings_are_forgotten() -> None:
    kept = kept_of(swing(NOW_S - FORGOTTEN_AFTER_S - 1, 30_000))
    assert learn(kept[0], DESIGN, DESIGN, NOW_S).source == "gauge"


def test_anchored_swings_outlive_newer_ones_that_tell_less() -> None:
    anchored = swing(NOW_S - AN_ANCHOR_IS_WORTH_S, 30_000)
    newer = [swing(NOW_S - n, 35_000, 0.4, anchored=False) for n in range(KEPT + 3)]
    kept = kept_of(anchored, *newer)
    assert (kept[0, :, 3] == 1).sum() == 1
    assert (kept[0, :, 0] > NOW_S - KEPT).sum() >= KEPT - 2


@pytest.mark.parametrize(
    ("believed", "design", "words"),
    [
        (np.nan, DESIGN, "the pack tells no capacity"),
        (DESIGN, np.nan, "the pack tells no capacity"),
        (0.0, DESIGN, "the pack tells no capacity"),
        (1.5 * DESIGN, DESIGN, "the pack tells more than its design capacity"),
    ],
)
def test_a_gauge_that_makes_no_sense_tells_no_health(
    believed: float, design: float, words: str
) -> None:
    assert of_gauge(believed, design, None) == Health(None, None, None, words)


def test_a_counted_capacity_without_a_design_is_known_but_is_no_health() -> None:
    told = learn(kept_of(swing(NOW_S, 30_000))[0], DESIGN, np.nan, NOW_S)
    assert (told.pct, told.source) == (None, None)
    assert told.learned_mah is not None
    assert abs(told.learned_mah - 30_000) < 1


def test_a_gauge_is_confirmed_within_two_deviations_of_what_was_counted() -> None:
    counted = Health(80.0, 1.0, "counted", None)
    assert is_confirmed(counted, Health(82.0, 5.0, "gauge", None))
    assert not is_confirmed(counted, Health(95.0, 5.0, "gauge", None))
    assert not is_confirmed(counted, Health(None, None, None, "no capacity"))
