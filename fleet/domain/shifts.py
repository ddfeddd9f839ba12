"""When shifts change: the clock times at which they start, in the time zone of their hospital."""

import re
from collections.abc import Sequence
from datetime import datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

from fleet.domain.shift import shift_end

STARTS = ("07:00", "15:00", "23:00")
"""Of three shifts, as most hospitals have them."""
MOST_SHIFTS = 12
CLOCK_TIME = "^([01][0-9]|2[0-3]):[0-5][0-9]$"


def problem_with(starts: Sequence[str]) -> str | None:
    """What is wrong with these times, and what would be right; None if they will do."""
    if not starts:
        return "at least one time at which a shift starts, like 07:00"
    for start in starts:
        if not re.fullmatch(CLOCK_TIME, start):
            return f"{start}: a time like 07:00 or 15:30 is expected"
    for earlier, later in pairwise(starts):
        if later <= earlier:
            return f"{later} after {earlier}: each later than the one before it"
    if len(starts) > MOST_SHIFTS:
        return f"{len(starts)} shifts: at most {MOST_SHIFTS}"
    return None


def end_of_shift(starts: Sequence[str], timezone: str, now: datetime) -> datetime | None:
    """When the shift under way ends, because the next one starts; in that time zone."""
    return shift_end(now, [time.fromisoformat(start) for start in starts], ZoneInfo(timezone))
