from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.age import clock_is_believable, clock_is_right, measured_at
from fleet.domain.assignment import Claim, Place, most_specific
from fleet.domain.presence import is_silent, offline_deadline, will_counts
from fleet.domain.versions import is_at_least
from fleet.domain.words import Scope

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PLACE = Place("cart-017", "medication_cart", "ward-3a", "lindenhof")
CARTS = frozenset({"medication_cart"})


@pytest.mark.parametrize(
    ("version", "minimum", "enough"),
    [
        ("7.10", "7.9", True),
        ("7.2.0", "7.2", True),
        ("7.2", "7.2.0", True),
        ("7.1.9", "7.2", False),
        ("v4.1.0-rc1", "4.1", True),
        ("unknown", "1", False),
        ("", "0", True),
    ],
)
def test_versions_are_compared_number_by_number(version: str, minimum: str, enough: bool) -> None:
    assert is_at_least(version, minimum) is enough


def test_the_most_specific_assignment_wins() -> None:
    claims = [
        Claim(1, Scope.SITE, "lindenhof", CARTS),
        Claim(2, Scope.KIND, "medication_cart", CARTS),
        Claim(3, Scope.WARD, "ward-3a", CARTS),
        Claim(4, Scope.DEVICE, "cart-017", CARTS),
    ]
    for number in (4, 3, 2, 1):
        winner = most_specific(claims[:number], PLACE)
        assert winner is not None
        assert winner.profile_version_id == number
    assert most_specific([], PLACE) is None


def test_a_profile_for_tablets_never_claims_a_cart() -> None:
    assert most_specific([Claim(1, Scope.WARD, "ward-3a", frozenset({"tablet"}))], PLACE) is None


def test_an_assignment_to_another_ward_does_not_claim() -> None:
    assert most_specific([Claim(1, Scope.WARD, "ward-3b", CARTS)], PLACE) is None


def test_three_lost_reports_are_bad_wifi_and_the_fourth_is_silence() -> None:
    deadline = offline_deadline(NOW, 30)
    assert not is_silent(deadline, NOW + timedelta(seconds=120))
    assert is_silent(deadline, NOW + timedelta(seconds=135))
    assert is_silent(None, NOW)


def test_a_will_of_an_older_session_came_late_and_does_not_count() -> None:
    assert not will_counts(None, 6, 40, 7)
    assert will_counts(None, 7, 40, 7)
    assert will_counts(None, 8, 40, 7)


def test_a_will_of_an_older_memory_of_the_device_does_not_count_whatever_its_session() -> None:
    assert not will_counts(40, 57, 41, 1)
    assert will_counts(41, 1, 41, 1)
    assert not will_counts(41, 1, 41, 2)


@pytest.mark.parametrize(
    ("offset", "synced", "believed"),
    [
        (timedelta(0), True, True),
        (timedelta(0), None, True),
        (timedelta(0), False, False),
        (timedelta(minutes=5), True, True),
        (timedelta(minutes=6), True, False),
        (-timedelta(days=2), True, True),
        (-timedelta(days=365 * 56), True, False),
    ],
)
def test_a_clock_is_believed_unless_it_says_so_itself_or_is_plainly_wrong(
    offset: timedelta, synced: bool | None, believed: bool
) -> None:
    assert clock_is_believable(NOW + offset, NOW, synced) is believed


def test_the_age_of_a_reading_comes_from_uptimes_whatever_the_clock_says() -> None:
    at_1970 = datetime(1970, 1, 1, tzinfo=UTC)
    assert measured_at(at_1970, NOW, False, 5_000, 4_400) == NOW - timedelta(minutes=10)


def test_without_uptimes_a_believable_clock_counts_and_a_wrong_one_does_not() -> None:
    earlier = NOW - timedelta(hours=3)
    assert measured_at(earlier, NOW, True) == earlier
    assert measured_at(earlier, NOW, False) == NOW


def test_no_reading_comes_from_the_future() -> None:
    assert measured_at(NOW + timedelta(minutes=4), NOW, True) == NOW
    assert measured_at(NOW, NOW, True, 100, 900) == NOW


def test_a_clock_that_can_be_believed_is_wrong_where_the_uptimes_say_another_time() -> None:
    an_hour_slow = NOW - timedelta(hours=1)
    assert clock_is_believable(an_hour_slow, NOW, True)
    assert not clock_is_right(an_hour_slow, measured_at(an_hour_slow, NOW, True, 5_000, 5_000))
    assert clock_is_right(an_hour_slow, measured_at(an_hour_slow, NOW, True, 5_000, 1_400))
