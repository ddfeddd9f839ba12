"""The ward board: which device to take, which to plug in, which is out of service."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from fleet.domain.battery.endurance import Lasting, Promise, lasts_until
from fleet.domain.battery.runtime import RATED_HOURS
from fleet.domain.holding import FAULTS, Hold, as_held
from fleet.domain.presence import is_silent
from fleet.domain.words import Availability

MIN_A_PERCENT = 60 * RATED_HOURS / 100
NO_PROMISE = Promise()
NOT_KNOWN = Lasting(None)


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


class Card(NamedTuple):
    """One device on the board. `last_seen_at` and `offline_after` are None if never heard of.

    `promise` and `full_in_min` hold from `sampled_at` on; once laid out, from then on, and
    `lasting` says whether it lasts until the end of the shift. `called_since`: since when somebody
    should have plugged it in, where that had to be said twice. `hold`: what people say of it
    (`domain.holding`), since `held_since`; taken, it is overdue from `due_at` on.
    """

    asset_tag: str
    availability: Availability
    reason: str | None = None
    soc_pct: int | None = None
    promise: Promise = NO_PROMISE
    lasting: Lasting = NOT_KNOWN
    full_in_min: int | None = None
    plugged_in: bool | None = None
    charging: bool = False
    zone: str | None = None
    replacement: str | None = None
    called_since: datetime | None = None
    sampled_at: datetime | None = None
    last_seen_at: datetime | None = None
    offline_after: datetime | None = None
    hold: str | None = None
    held_since: datetime | None = None
    due_at: datetime | None = None
    idle_s: int | None = None
    device_id: str = ""

    @property
    def group(self) -> Group:
        return _GROUP_OF[self.availability]

    @property
    def is_taken(self) -> bool:
        return self.hold == Hold.TAKEN

    @property
    def is_broken(self) -> bool:
        """Because somebody has said so."""
        return self.hold in FAULTS

    def is_overdue(self, now: datetime) -> bool:
        return self.due_at is not None and now >= self.due_at


@dataclass(frozen=True, slots=True)
class Board:
    """`best` is also the first card of its group, TAKE; every group is present, perhaps empty."""

    best: Card | None
    groups: dict[Group, list[Card]]

    @property
    def total(self) -> int:
        return sum(len(cards) for cards in self.groups.values())


def as_of(card: Card, now: datetime, shift_end: datetime | None) -> Card:
    """The card as it may be shown now: past its deadline it is unknown, whatever was said last.

    Nothing is promised of it then. Until then a promise grows shorter as its reading grows older.
    """
    availability, reason = card.availability, card.reason
    if availability != Availability.UNKNOWN and is_silent(card.offline_after, now):
        availability = Availability.UNKNOWN
        reason = "never heard of" if card.last_seen_at is None else None
    is_unknown = availability == Availability.UNKNOWN
    availability, reason = as_held(availability, reason, card.hold)
    if is_unknown or card.sampled_at is None:
        return card._replace(
            availability=availability, reason=reason, promise=NO_PROMISE, full_in_min=None
        )
    promise = promise_now(card.promise, card.plugged_in, card.sampled_at, now)
    return card._replace(
        availability=availability,
        reason=reason,
        promise=promise,
        lasting=lasts_until(shift_end, promise, now),
        full_in_min=_less(card.full_in_min, _minutes(now - card.sampled_at)),
    )


def promise_now(
    promise: Promise, plugged_in: bool | None, sampled_at: datetime, now: datetime
) -> Promise:
    """What is left of it. A device that stands plugged in does not use it up meanwhile."""
    if plugged_in:
        return promise
    gone = _minutes(now - sampled_at)
    return Promise(*(_less(minutes, gone) for minutes in promise))


def _minutes(age: timedelta) -> int:
    return age // timedelta(minutes=1)


def _less(minutes: int | None, gone: int) -> int | None:
    return None if minutes is None else max(minutes - gone, 0)


def lay_out(cards: Iterable[Card], now: datetime, shift_end: datetime | None = None) -> Board:
    """The board at `now`: groups filled, each with the card first that a nurse would reach for."""
    groups: dict[Group, list[Card]] = {group: [] for group in Group}
    for card in cards:
        current = as_of(card, now, shift_end)
        groups[current.group].append(current)
    for group, members in groups.items():
        members.sort(key=_urgent_first if group == Group.PLUG_IN else _longest_first)
    take = groups[Group.TAKE]
    return Board(best=take[0] if take else None, groups=groups)


def _endurance(card: Card) -> tuple[int, int]:
    """By what is promised; where nothing can be, by the charge, which lasts as makers rate it."""
    soc_pct = card.soc_pct or 0
    promised_min = card.promise.promised_min
    return (round(soc_pct * MIN_A_PERCENT) if promised_min is None else promised_min, soc_pct)


def _longest_first(card: Card) -> tuple[int, int, str]:
    minutes, soc_pct = _endurance(card)
    return (-minutes, -soc_pct, card.asset_tag)


def _urgent_first(card: Card) -> tuple[bool, int, int, str]:
    """Those first for which somebody was called twice."""
    return (card.called_since is None, *_endurance(card), card.asset_tag)
