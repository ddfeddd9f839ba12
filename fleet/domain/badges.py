"""Badges and PINs: what is one, and when no more is tried."""

import re
from datetime import datetime, timedelta
from itertools import pairwise

TRIES = 5
WITHIN = timedelta(minutes=5)
BADGE_ID = re.compile(r"[A-Za-z0-9:;=?%+*/_-]{4,64}")
"""What readers type: hex or decimal numbers, and the marks around a magnetic track."""
BADGE_ID_WORDS = "4 to 64 letters, digits or the marks a reader types, without spaces"
PIN = re.compile(r"[0-9]{4,6}")
STEPS = (0, 1, -1)


def pin_problem(pin: str) -> str | None:
    """What is wrong with a new PIN, and what would be right; None if it will do."""
    if not PIN.fullmatch(pin):
        return "4 to 6 digits"
    steps = {int(after) - int(before) for before, after in pairwise(pin)}
    if len(steps) == 1 and steps.pop() in STEPS:
        return "not one digit again and again, and not a row like 1234"
    return None


def is_throttled(tries: int, tried_since: datetime | None, now: datetime) -> bool:
    """After so many wrong PINs within the time, until it has passed."""
    return tries >= TRIES and tried_since is not None and now < tried_since + WITHIN


def counts_anew(tried_since: datetime | None, now: datetime) -> bool:
    return tried_since is None or now >= tried_since + WITHIN
