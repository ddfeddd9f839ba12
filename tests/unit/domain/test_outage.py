from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.outage import (
    HOLD,
    MOST_ARE_BACK,
    Verdict,
    WardSilence,
    heard_from,
    heard_until,
    in_words,
    is_over,
    judge,
)
from fleet.domain.presence import DEFAULT_INTERVAL_S

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fell", "spoke", "is_outage"),
    [
        (40, 0, True),
        (38, 2, True),
        (14, 26, True),  # one of two access points, which serves a few less than half
        (13, 27, False),
        (4, 8, True),
        (4, 9, False),
        (3, 0, False),  # three together are chance, or somebody's errand
        (0, 0, False),
    ],
)
def test_a_ward_has_an_outage_when_a_third_and_at_least_four_fell_and_have_not_spoken_since(
    fell: int, spoke: int, is_outage: bool
) -> None:
    verdict = judge([WardSilence(7, fell, spoke)], wards_of_site=10)
    assert verdict == Verdict(ward_ids=(7,) if is_outage else ())


def test_each_ward_is_an_event_of_its_own_while_most_wards_are_well() -> None:
    silences = [WardSilence(1, 20, 0), WardSilence(2, 20, 1), WardSilence(3, 1, 30)]
    assert judge(silences, wards_of_site=10) == Verdict(ward_ids=(1, 2))


def test_a_third_of_the_wards_at_once_is_one_event_of_the_site() -> None:
    silences = [WardSilence(n, 20, 0) for n in range(1, 5)]
    assert judge(silences, wards_of_site=12) == Verdict(is_site=True)
    assert judge(silences, wards_of_site=13) == Verdict(ward_ids=(1, 2, 3, 4))


def test_a_site_counts_its_small_wards_too() -> None:
    assert judge([WardSilence(n, 2, 0) for n in range(1, 4)], wards_of_site=3).is_site


def test_two_wards_are_two_events_however_small_the_hospital() -> None:
    silences = [WardSilence(1, 20, 0), WardSilence(2, 20, 0)]
    assert judge(silences, wards_of_site=2) == Verdict(ward_ids=(1, 2))


def test_an_outage_is_over_when_three_quarters_are_back() -> None:
    assert not is_over(silent=11, fell=40)
    assert is_over(silent=10, fell=40)
    assert is_over(silent=0, fell=4)


@pytest.mark.parametrize("fell", range(4, 400, 7))
def test_what_is_left_when_an_outage_ends_never_begins_the_next(fell: int) -> None:
    left = fell // MOST_ARE_BACK
    assert is_over(left, fell)
    assert judge([WardSilence(1, left, fell - left)], wards_of_site=1) == Verdict()


def test_those_last_heard_within_five_minutes_before_the_last_of_them_belong_together() -> None:
    assert heard_from(NOON) == NOON - timedelta(minutes=5)
    assert heard_until(NOON) == NOON + timedelta(seconds=30)


def test_a_silence_waits_one_usual_reporting_interval_for_others() -> None:
    assert timedelta(seconds=DEFAULT_INTERVAL_S) == HOLD


def test_an_outage_is_told_in_words() -> None:
    assert in_words(38, 40) == "no word from 38 of 40 devices: network or power?"
