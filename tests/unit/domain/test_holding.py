"""People's word beside the device's, who is overdue, and what may still be undone."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.board import Card, Group, lay_out
from fleet.domain.holding import FAULTS, Hold, as_held, can_be_undone, due_at, longest_shift
from fleet.domain.words import Availability

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize("said", Availability)
def test_what_is_broken_is_unavailable_whatever_it_says_of_itself(said: Availability) -> None:
    for fault, words in FAULTS.items():
        assert as_held(said, "old", fault) == (Availability.UNAVAILABLE, words)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (Availability.AVAILABLE, Availability.IN_USE),
        (Availability.CHARGING, Availability.IN_USE),
        (Availability.IN_USE, Availability.IN_USE),
        (Availability.LOW, Availability.LOW),
        (Availability.UNAVAILABLE, Availability.UNAVAILABLE),
        (Availability.UNKNOWN, Availability.UNKNOWN),
    ],
)
def test_a_taken_one_leaves_the_pool_and_what_is_worse_than_taken_stays_as_it_is(
    said: Availability, shown: Availability
) -> None:
    assert as_held(said, None, Hold.TAKEN) == (shown, None)
    assert as_held(said, "why", None) == (said, "why")


def card(**values: object) -> Card:
    known = {"soc_pct": 80, "sampled_at": NOW, "last_seen_at": NOW, "offline_after": NOW}
    return Card("A", Availability.AVAILABLE, **(known | values))  # type: ignore[arg-type]


def group_of(card: Card, at: datetime) -> Group:
    board = lay_out([card], at)
    return next(group for group, cards in board.groups.items() if cards)


def test_on_the_board_broken_outranks_silence_and_silence_outranks_taken() -> None:
    heard = NOW + timedelta(minutes=1)
    assert group_of(card(offline_after=heard), NOW) == Group.TAKE
    assert group_of(card(offline_after=heard, hold=Hold.TAKEN), NOW) == Group.IN_USE
    assert group_of(card(hold=Hold.TAKEN), NOW) == Group.NOT_HEARD_OF
    assert group_of(card(hold=Hold.SCREEN), NOW) == Group.OUT_OF_SERVICE


@pytest.mark.parametrize(
    ("starts", "hours"),
    [
        (["07:00", "15:00", "23:00"], 8),
        (["06:00", "14:00", "22:30"], 8.5),
        (["07:00", "19:30"], 12.5),
        (["07:00"], 24),
        ([], 24),
    ],
)
def test_overdue_is_after_the_longest_shift_and_an_hour(starts: list[str], hours: float) -> None:
    assert longest_shift(starts) == timedelta(hours=hours)
    assert due_at(NOW, starts) == NOW + timedelta(hours=hours + 1)
    taken = card(hold=Hold.TAKEN, due_at=due_at(NOW, starts))
    assert not taken.is_overdue(due_at(NOW, starts) - timedelta(seconds=1))
    assert taken.is_overdue(due_at(NOW, starts))


def test_ten_seconds_and_a_tap_on_its_way_can_be_undone() -> None:
    assert can_be_undone(NOW, NOW + timedelta(seconds=11.9))
    assert not can_be_undone(NOW, NOW + timedelta(seconds=12))
