"""Half an hour before the next shift: what stands about, and where."""

from datetime import UTC, datetime, timedelta

from fleet.domain.board import Card, lay_out
from fleet.domain.handover import NOWHERE, begins_at, to_plug_in
from fleet.domain.words import Availability

END = datetime(2026, 11, 24, 7, tzinfo=UTC)
NOW = END - timedelta(minutes=30)


def card(tag: str, availability: Availability = Availability.AVAILABLE, **values: object) -> Card:
    known = {
        "soc_pct": 80, "sampled_at": NOW, "last_seen_at": NOW, "plugged_in": False,
        "offline_after": END + timedelta(hours=1), "zone": "bay 1", "idle_s": 900,
    }  # fmt: skip
    return Card(tag, availability, **(known | values))  # type: ignore[arg-type]


def named(*cards: Card, at: datetime = NOW) -> dict[str, list[str]]:
    bays = to_plug_in(lay_out(cards, at, END), at, END)
    return {bay.place: [each.asset_tag for each in bay.cards] for bay in bays}


def test_what_stands_idle_and_off_power_is_listed_by_its_bay() -> None:
    assert named(
        card("A", zone="bay 2"),
        card("B"),
        card("C", Availability.LOW),
        card("D", zone=None),
        card("E", hold="taken"),
    ) == {"bay 1": ["B", "C", "E"], "bay 2": ["A"], NOWHERE: ["D"]}


def test_what_is_used_plugged_in_broken_or_silent_is_not() -> None:
    assert named(
        card("A", Availability.IN_USE, idle_s=10),
        card("B", Availability.LOW, idle_s=20),
        card("C", plugged_in=True),
        card("D", plugged_in=None),
        card("E", hold="screen"),
        card("F", offline_after=NOW),
    ) == {}  # fmt: skip


def test_nothing_is_listed_earlier_or_where_no_shifts_are_known() -> None:
    assert named(card("A"), at=NOW - timedelta(seconds=1)) == {}
    assert to_plug_in(lay_out([card("A")], NOW), NOW, None) == []
    assert begins_at(END) == NOW
    assert begins_at(None) is None
