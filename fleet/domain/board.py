"""The ward board: which device to take, which to plug in, which is out of service."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from fleet.domain.presence import is_silent
from fleet.domain.words import Availability


class Group(StrEnum):
    """The groups of the board, in the order in which a nurse needs them."""

    TAKE = "take"
    PLUG_IN = "plug_in"
    CHARGING = "charging"
    IN_USE = "in_use"
    OUT_OF_SERVICE = "out_of_service"
    NOT_HEARD_OF = "not_heard_of"


_GROUP_OF = {
    Availability.AVAILABLE: Group.TAKE,
    Availability.LOW: Group.PLUG_IN,
    Availability.CHARGING: Group.CHARGING,
    Availability.IN_USE: Group.IN_USE,
    Availability.UNAVAILABLE: Group.OUT_OF_SERVICE,
    Availability.UNKNOWN: Group.NOT_HEARD_OF,
}


@dataclass(frozen=True, slots=True)
class Card:
    """One device on the board. `last_seen_at` and `offline_after` are None if never heard of."""

    asset_tag: str
    availability: Availability
    reason: str | None = None
    soc_pct: int | None = None
    runtime_min: int | None = None
    full_in_min: int | None = None
    plugged_in: bool | None = None
    charging: bool = False
    zone: str | None = None
    replacement: str | None = None
    last_seen_at: datetime | None = None
    offline_after: datetime | None = None

    @property
    def group(self) -> Group:
        return _GROUP_OF[self.availability]


@dataclass(frozen=True, slots=True)
class Board:
    """`best` is also the first card of its group, TAKE; every group is present, perhaps empty."""

    best: Card | None
    groups: dict[Group, list[Card]]

    @property
    def total(self) -> int:
        return sum(len(cards) for cards in self.groups.values())


def as_of(card: Card, now: datetime) -> Card:
    """The card as it may be shown now: past its deadline it is unknown, whatever was said last."""
    if card.availability == Availability.UNKNOWN or not is_silent(card.offline_after, now):
        return card
    reason = "never heard of" if card.last_seen_at is None else None
    return replace(card, availability=Availability.UNKNOWN, reason=reason)


def lay_out(cards: Iterable[Card], now: datetime) -> Board:
    """The board at `now`: groups filled, each with the card first that a nurse would reach for."""
    groups: dict[Group, list[Card]] = {group: [] for group in Group}
    for card in cards:
        current = as_of(card, now)
        groups[current.group].append(current)
    for group, members in groups.items():
        members.sort(key=_urgent_first if group == Group.PLUG_IN else _fullest_first)
    take = groups[Group.TAKE]
    return Board(best=take[0] if take else None, groups=groups)


def _endurance(card: Card) -> tuple[int, int]:
    """Longest runtime first, then the fuller; a worn pack's promise counts for less."""
    runtime = card.runtime_min if card.runtime_min is not None else (card.soc_pct or 0) * 4
    return (runtime // (2 if card.replacement else 1), card.soc_pct or 0)


def _fullest_first(card: Card) -> tuple[int, int, str]:
    runtime, soc = _endurance(card)
    return (-runtime, -soc, card.asset_tag)


def _urgent_first(card: Card) -> tuple[int, int, str]:
    runtime, soc = _endurance(card)
    return (runtime, soc, card.asset_tag)
