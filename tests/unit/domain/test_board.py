from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.board import Card, Group, as_of, lay_out
from fleet.domain.words import Availability

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


def card(tag: str, availability: Availability = Availability.AVAILABLE, **values: object) -> Card:
    known = {
        "soc_pct": 80,
        "runtime_min": 300,
        "last_seen_at": NOW,
        "offline_after": NOW + timedelta(minutes=1),
    }
    return Card(tag, availability, **(known | values))  # type: ignore[arg-type]


def test_the_best_cart_is_the_one_that_lasts_longest() -> None:
    board = lay_out([card("A", runtime_min=200), card("B", runtime_min=400)], NOW)
    assert board.best is not None
    assert board.best.asset_tag == "B"


def test_a_worn_battery_counts_for_half() -> None:
    worn = card("A", runtime_min=500, replacement="health 60 %")
    board = lay_out([worn, card("B", runtime_min=300)], NOW)
    assert [c.asset_tag for c in board.groups[Group.TAKE]] == ["B", "A"]


def test_of_the_low_ones_the_emptiest_is_named_first() -> None:
    low = [card(t, Availability.LOW, runtime_min=m) for t, m in (("A", 50), ("B", 10), ("C", 30))]
    assert [c.asset_tag for c in lay_out(low, NOW).groups[Group.PLUG_IN]] == ["B", "C", "A"]


def test_past_its_deadline_a_cart_is_never_green() -> None:
    silent = card("A", offline_after=NOW)
    board = lay_out([silent], NOW)
    assert board.best is None
    assert [c.asset_tag for c in board.groups[Group.NOT_HEARD_OF]] == ["A"]
    assert as_of(silent, NOW - timedelta(seconds=1)).availability == Availability.AVAILABLE


def test_a_cart_that_never_spoke_is_not_heard_of() -> None:
    never = Card("A", Availability.AVAILABLE)
    assert as_of(never, NOW).reason == "never heard of"


def test_an_empty_ward_has_no_best_cart_and_every_group() -> None:
    board = lay_out([], NOW)
    assert board.best is None
    assert set(board.groups) == set(Group)


@given(
    st.lists(
        st.builds(
            Card,
            asset_tag=st.text("ABC0123456789", min_size=1, max_size=6),
            availability=st.sampled_from(Availability),
            soc_pct=st.none() | st.integers(0, 100),
            runtime_min=st.none() | st.integers(0, 5_000),
            offline_after=st.none()
            | st.integers(-100, 100).map(lambda s: NOW + timedelta(seconds=s)),
        )
    )
)
def test_every_cart_stands_in_exactly_one_group(cards: list[Card]) -> None:
    board = lay_out(cards, NOW)
    shown = sorted(c.asset_tag for group in board.groups.values() for c in group)
    assert shown == sorted(c.asset_tag for c in cards)
    assert board.total == len(cards)
