"""Before the next shift comes: which devices stand about, neither used nor on power, and where."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import NamedTuple

from fleet.domain.board import Board, Card, Group
from fleet.domain.condition import IDLE_AFTER_S

LEAD = timedelta(minutes=30)
NOWHERE = "place not known"
_GROUPS = (Group.TAKE, Group.PLUG_IN, Group.IN_USE)


class Bay(NamedTuple):
    place: str
    cards: list[Card]


def begins_at(shift_end: datetime | None) -> datetime | None:
    """When the list of the handover begins to be shown."""
    return None if shift_end is None else shift_end - LEAD


def to_plug_in(board: Board, now: datetime, shift_end: datetime | None) -> list[Bay]:
    """By place, in the order of their names; nothing before the last half hour of the shift."""
    begins = begins_at(shift_end)
    if begins is None or now < begins:
        return []
    places: dict[str, list[Card]] = defaultdict(list)
    for group in _GROUPS:
        for card in board.groups[group]:
            if _stands_about(card):
                places[card.zone or NOWHERE].append(card)
    return [Bay(place, cards) for place, cards in sorted(places.items())]


def _stands_about(card: Card) -> bool:
    if card.plugged_in is not False:
        return False
    return card.group == Group.TAKE if card.idle_s is None else card.idle_s >= IDLE_AFTER_S
