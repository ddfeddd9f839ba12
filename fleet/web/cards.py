"""What the boards say of a device, in the page's language: words here, HTML in `_cards.html`.

A board of 200 cards is one answer among many each second, so a card costs no more than it must:
each word is looked up once for an answer, and each time of day written once.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from flask import Flask, url_for
from flask_babel import gettext
from markupsafe import Markup

from fleet.domain.board import Card, Group
from fleet.web import languages
from fleet.web.sayings import marked, reason
from fleet.web.words import GROUPS, age, millis, runtime

AT_LEAST = marked("at least %(left)s")
FULL_ABOUT = marked("full about %(time)s")
OUT_OF_SERVICE = marked("out of service")
UNTIL_YES = marked("until %(end)s: yes")
UNTIL_UNKNOWN = marked("until %(end)s: no promise")
LASTS = marked("Lasts until the end of the shift, %(end)s")
MAY_LAST = marked("No promise that it lasts until the end of the shift, %(end)s")
DIES = marked("dies about %(time)s")
DIES_BEFORE = marked("<b>dies about %(time)s</b>, before the end of the shift, %(end)s")
TAKEN = marked("taken %(time)s")
OVERDUE = marked("overdue since %(time)s")
DUE = marked("due %(time)s")
ON_POWER = marked("on power")
KNOWN = marked("IT knows since %(time)s")
LAST_AT = marked("last at %(time)s")
NEVER = marked("never")
TAKE = marked("Take")
RETURN = marked("Return")
FIND = marked("Find")
BROKEN_FIND = marked("Broken, find")

_ASKED_OF = (Group.TAKE, Group.IN_USE, Group.PLUG_IN)
"""The groups of which one wants to know whether they last until the end of the shift."""
Key = TypeVar("Key")


class Deed(NamedTuple):
    """What one tap does: its name for the script, and its word."""

    name: str
    word: str


class Said(NamedTuple):
    """One card in words; empty where there is nothing to say. Times in milliseconds since 1970."""

    card: Card
    shape: str
    word: str
    until: int | str
    """When it counts as not heard of, unless it speaks before."""
    note: str
    shift: str
    held: str
    last_at: str
    seen: str
    """How long ago it was heard of."""
    deed: Deed | None
    address: str
    find: str


def _word_of(group: Group) -> str:
    return GROUPS[group].word


class Speaker:
    """Says what holds of the devices of one ward at one moment, in the language of the request."""

    def __init__(self, timezone: str, now: datetime, shift_end: datetime | None) -> None:
        self._timezone = timezone
        self._now = now
        self._end = shift_end
        self._language = languages.current()
        # Of a device's id nothing has to be written in another way (`wire.topics`).
        self._addresses = url_for("carts.cart", device_id="-").removesuffix("-")
        self._known: dict[tuple[object, object], str] = {}

    def card(self, card: Card) -> Said:
        seen_at = card.last_seen_at
        return Said(
            card=card,
            shape=GROUPS[card.group].shape,
            word=self._once(_word_of, card.group),
            until="never" if card.is_broken else millis(card.offline_after),
            note=self.note(card),
            shift=self.shift(card, brief=True),
            held=self._held(card),
            last_at=self._say(LAST_AT, time=self._time(seen_at)) if seen_at else "",
            seen=age(seen_at, self._now, self._say) if seen_at else self._word(NEVER),
            deed=self._deed(card),
            address=self._addresses + card.device_id,
            find=self._word(FIND if card.is_broken else BROKEN_FIND),
        )

    def note(self, card: Card) -> str:
        """What to know about it besides its charge, in a few words."""
        group = card.group
        if group == Group.CHARGING:
            if card.full_in_min is None:
                return ""
            full_at = self._now + timedelta(minutes=card.full_in_min)
            return self._say(FULL_ABOUT, time=self._time(full_at))
        if group == Group.OUT_OF_SERVICE:
            return self._reason(card) or self._word(OUT_OF_SERVICE)
        if group == Group.PLUG_IN and card.reason:
            return self._reason(card)
        return self._promise(card)

    def shift(self, card: Card, *, brief: bool = False) -> str:
        """Does it last until the end of the shift? `brief` where a heading says what is meant."""
        lasting = card.lasting
        if lasting.until_end is None or self._end is None or card.group not in _ASKED_OF:
            return ""
        end = self._time(self._end)
        if lasting.until_end:
            return self._say(UNTIL_YES if brief else LASTS, end=end)
        if not lasting.dies_at:
            return self._say(UNTIL_UNKNOWN if brief else MAY_LAST, end=end)
        about = self._time(lasting.dies_at)
        if brief:
            return _html(f"<b>{self._say(DIES, time=about)}</b>")
        return self._say(DIES_BEFORE, time=about, end=end)

    def _deed(self, card: Card) -> Deed | None:
        """Take it, or bring it back."""
        if card.is_taken:
            return Deed("return", self._word(RETURN))
        return None if card.is_broken else Deed("take", self._word(TAKE))

    def _reason(self, card: Card) -> str:
        return self._once(reason, card.reason)

    def _time(self, moment: datetime) -> str:
        return languages.clock_time(moment, self._timezone, self._language)

    def _promise(self, card: Card) -> str:
        """What can be promised: the browser counts it down where the cart is in use."""
        minutes = card.promise.promised_min
        if minutes is None:
            return ""
        ends = millis(self._now + timedelta(minutes=minutes))
        counted = "" if card.plugged_in else f' data-lasts="{ends}"'
        return self._say(AT_LEAST, left=f"<span{counted}>{runtime(minutes, self._say)}</span>")

    def _held(self, card: Card) -> str:
        """Who has it is nobody's business on a wall; since when and until when is everybody's."""
        if card.held_since is None:
            return ""
        if card.is_broken:
            return self._say(KNOWN, time=self._time(card.held_since))
        if not card.is_taken:
            return ""
        due = self._time(card.due_at) if card.due_at else ""
        is_late = card.is_overdue(self._now)
        parts = [
            self._say(TAKEN, time=self._time(card.held_since)),
            f"<b>{self._say(OVERDUE, time=due)}</b>" if is_late else self._say(DUE, time=due),
            *([self._word(ON_POWER)] if card.plugged_in else []),
        ]
        return _html(", ".join(parts))

    def _say(self, pattern: str, **values: object) -> str:
        """`values`: times, figures and HTML of our own. A pattern may be HTML, as in templates."""
        return _html(self._once(gettext, pattern) % values)

    def _word(self, pattern: str) -> str:
        return _html(self._once(gettext, pattern))

    def _once(self, make: Callable[[Key], object], what: Key) -> str:
        known = self._known.get((make, what))
        if known is None:
            known = self._known[make, what] = str(make(what))
        return known


def _html(words: str) -> Markup:
    """Of catalogues, times and figures alone: nothing that anybody has typed stands in it."""
    return Markup(words)  # noqa: S704


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(speaker=Speaker)
