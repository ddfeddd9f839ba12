from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.endurance import Promise
from fleet.domain.board import Card, Group, as_of, lay_out
from fleet.domain.holding import Hold
from fleet.domain.words import Availability

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
LATER = NOW + timedelta(hours=4)


def card(tag: str, availability: Availability = Availability.AVAILABLE, **values: object) -> Card:
    known = {
        "soc_pct": 80,
        "sampled_at": NOW,
        "last_seen_at": NOW,
        "offline_after": NOW + timedelta(minutes=1),
    }
    return Card(tag, availability, **(known | values))  # type: ignore[arg-type]


def promised(minutes: int, empty: int | None = None) -> Promise:
    return Promise(empty or minutes, minutes, minutes)


def shown(card: Card, at: datetime = NOW, shift_end: datetime | None = None) -> Card:
    board = lay_out([card], at, shift_end)
    return next(card for group in board.groups.values() for card in group)


def test_the_best_cart_is_the_one_that_is_promised_longest() -> None:
    fuller = card("A", soc_pct=95, promise=promised(200))
    board = lay_out([fuller, card("B", promise=promised(400))], NOW)
    assert board.best is not None
    assert board.best.asset_tag == "B"


def test_of_which_nothing_can_be_promised_stands_by_its_charge() -> None:
    cards = [card("A", soc_pct=50), card("B", promise=promised(290)), card("C", soc_pct=60)]
    take = lay_out(cards, NOW).groups[Group.TAKE]
    assert [c.asset_tag for c in take] == ["C", "A", "B"]  # 360, 300 and 290 minutes


def test_of_the_low_ones_the_emptiest_is_named_first() -> None:
    low = [
        card(tag, Availability.LOW, promise=promised(minutes))
        for tag, minutes in (("A", 50), ("B", 10), ("C", 30))
    ]
    assert [c.asset_tag for c in lay_out(low, NOW).groups[Group.PLUG_IN]] == ["B", "C", "A"]
    twice = low[0]._replace(called_since=NOW)
    board = lay_out([twice, *low[1:]], NOW)
    assert [c.asset_tag for c in board.groups[Group.PLUG_IN]] == ["A", "B", "C"]


def test_a_promise_grows_shorter_as_its_reading_grows_older() -> None:
    taken = card("A", Availability.IN_USE, promise=Promise(130, 110, 100), offline_after=LATER)
    assert shown(taken, NOW + timedelta(minutes=40, seconds=59)).promise == (90, 70, 60)
    assert shown(taken, NOW + timedelta(minutes=105)).promise == (25, 5, 0)


def test_one_that_stands_plugged_in_uses_nothing_up() -> None:
    docked = card("A", promise=promised(100), plugged_in=True, offline_after=LATER)
    assert shown(docked, NOW + timedelta(minutes=40)).promise == promised(100)


def test_what_is_missing_to_full_grows_less() -> None:
    charging = card("A", Availability.CHARGING, full_in_min=90, offline_after=LATER)
    assert shown(charging, NOW + timedelta(minutes=30)).full_in_min == 60


def test_an_hour_later_nothing_is_promised_of_one_that_is_not_heard_of() -> None:
    silent = card("A", promise=promised(600), full_in_min=10)
    later = shown(silent, NOW + timedelta(hours=1), shift_end=NOW + timedelta(hours=2))
    assert later.availability == Availability.UNKNOWN
    assert (later.promise, later.full_in_min, later.lasting.until_end) == (Promise(), None, None)


@pytest.mark.parametrize(
    ("minutes", "empty", "expected"),
    [(240, 300, "yes"), (239, 240, "no"), (200, 239, "dies about 06:59")],
)
def test_whether_it_lasts_until_the_end_of_the_shift_is_said_by_the_promise(
    minutes: int, empty: int, expected: str
) -> None:
    shift_end = NOW + timedelta(hours=4)
    cart = card("A", promise=promised(minutes, empty), offline_after=LATER)
    assert shown(cart, NOW, shift_end).lasting.text == expected
    # Half an hour later half an hour of both is gone.
    assert shown(cart, NOW + timedelta(minutes=30), shift_end).lasting.text == expected


def test_past_its_deadline_a_cart_is_never_green() -> None:
    silent = card("A", offline_after=NOW)
    board = lay_out([silent], NOW)
    assert board.best is None
    assert [c.asset_tag for c in board.groups[Group.NOT_HEARD_OF]] == ["A"]
    assert as_of(silent, NOW - timedelta(seconds=1), None).availability == Availability.AVAILABLE


def test_a_cart_that_never_spoke_is_not_heard_of() -> None:
    never = Card("A", Availability.AVAILABLE)
    assert as_of(never, NOW, None).reason == "never heard of"


def test_an_empty_ward_has_no_best_cart_and_every_group() -> None:
    board = lay_out([], NOW)
    assert board.best is None
    assert set(board.groups) == set(Group)


@given(
    st.lists(
        st.builds(
            card,
            tag=st.text("ABC0123456789", min_size=1, max_size=6),
            availability=st.sampled_from(Availability),
            soc_pct=st.none() | st.integers(0, 100),
            promise=st.builds(Promise, *3 * [st.none() | st.integers(0, 1_440)]),
            sampled_at=st.none() | st.just(NOW),
            offline_after=st.none()
            | st.integers(-100, 100).map(lambda s: NOW + timedelta(seconds=s)),
            hold=st.none() | st.sampled_from(Hold),
        )
    )
)
def test_every_cart_stands_in_exactly_one_group(cards: list[Card]) -> None:
    board = lay_out(cards, NOW)
    shown = sorted(c.asset_tag for group in board.groups.values() for c in group)
    assert shown == sorted(c.asset_tag for c in cards)
    assert board.total == len(cards)
