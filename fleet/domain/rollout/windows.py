"""Maintenance windows: when a ward can spare its devices, by the clock on its wall."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MOST_WINDOWS = 14
WANTED = "like 22:00-05:00, or mon-fri 22:00-05:00, or sun 13:00-15:00"
_DAY = "|".join(DAYS)
_WINDOW = re.compile(
    rf"(?:({_DAY})(?:-({_DAY}))? )?"
    r"((?:[01][0-9]|2[0-3]):[0-5][0-9])-((?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
)


class Window(NamedTuple):
    """Begins on these days (Monday is 0); where `end` is not after `start`, it ends on the next."""

    days: frozenset[int]
    start: time
    end: time


def parse(text: str) -> Window:
    """Raises ValueError, which says what would be right."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(f"{text}: {WANTED}")
    first, last, start, end = found.groups()
    if start == end:
        raise ValueError(f"{text}: ends when it begins; for a whole day 00:00-24:00")
    midnight = "00:00" if end == "24:00" else end
    return Window(_days(first, last), time.fromisoformat(start), time.fromisoformat(midnight))


def problem_with(windows: Sequence[str]) -> str | None:
    """What is wrong with these, and what would be right; None if they will do."""
    if len(windows) > MOST_WINDOWS:
        return f"{len(windows)} windows: at most {MOST_WINDOWS}"
    for text in windows:
        try:
            parse(text)
        except ValueError as error:
            return str(error)
    return None


def is_open(windows: Iterable[Window], zone: tzinfo, now: datetime, lead: timedelta) -> bool:
    """Whether one of them is open now, and stays so for `lead`.

    A start that the clock skips in spring comes as much later; a start or an end that comes twice
    in autumn counts the first time. No windows at all: at any time.
    """
    windows = list(windows)
    today = now.astimezone(zone).date()
    spans = [
        _span(window, today + timedelta(days=shift), zone)
        for window in windows
        for shift in (-1, 0, 1)
        if (today + timedelta(days=shift)).weekday() in window.days
    ]
    if not windows:
        return True
    # One window may go on where another ends.
    until = now
    for start, end in sorted(spans):
        if start <= until < end:
            until = end
    return until > now and until >= now + lead


def _span(window: Window, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """In UTC: within one zone Python compares the hands of the clock, not moments."""
    last = day if window.end > window.start else day + timedelta(days=1)
    start = datetime.combine(day, window.start, zone).astimezone(UTC)
    end = datetime.combine(last, window.end, zone).astimezone(UTC)
    return start, end


def _days(first: str | None, last: str | None) -> frozenset[int]:
    if first is None:
        return frozenset(range(7))
    begin = DAYS.index(first)
    end = DAYS.index(last or first)
    return frozenset((begin + step) % 7 for step in range((end - begin) % 7 + 1))
