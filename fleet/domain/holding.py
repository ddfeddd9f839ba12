"""What people have said of a device: somebody has taken it, or it is broken.

Beside what the device says of itself, never in its place (decision 24): each is kept as it was
said, and this rule makes the one word of the two that everybody is shown.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from fleet.domain.words import Availability

GRACE = timedelta(hours=1)
"""After the longest shift: who hands over late is no reason to look for a cart."""
DAY = timedelta(days=1)
UNDO_FOR = timedelta(seconds=10)
UNDO_GRACE = timedelta(seconds=2)
"""For the way of a tap in the last moment."""


class Hold(StrEnum):
    TAKEN = "taken"
    WILL_NOT_CHARGE = "will_not_charge"
    SCREEN = "screen"
    MECHANICAL = "mechanical"


FAULTS = {
    Hold.WILL_NOT_CHARGE: "will not charge",
    Hold.SCREEN: "application or screen",
    Hold.MECHANICAL: "wheels, drawers or lock",
}
"""In the order in which they are asked: what happens most often first."""
TAKEN_OF = frozenset({Availability.AVAILABLE, Availability.CHARGING})
"""What becomes `in_use` where it is taken; what is worse than that stays as it is."""


def as_held(
    availability: Availability, reason: str | None, hold: str | None
) -> tuple[Availability, str | None]:
    """What it is called by both words. That it is broken outranks all, and silence too."""
    if hold is None:
        return availability, reason
    if hold != Hold.TAKEN:
        return Availability.UNAVAILABLE, FAULTS[Hold(hold)]
    return (Availability.IN_USE, None) if availability in TAKEN_OF else (availability, reason)


def due_at(taken_at: datetime, shift_starts: Sequence[str]) -> datetime:
    """When a device taken then is overdue: after the longest shift of its ward, and an hour."""
    return taken_at + longest_shift(shift_starts) + GRACE


def longest_shift(starts: Sequence[str]) -> timedelta:
    """By the times at which shifts start, like "07:00", ascending; a day where there is but one.

    By the hands of the clock: that a night has an hour more or less is not counted.
    """
    if not starts:
        return DAY
    times = [timedelta(hours=int(s[:2]), minutes=int(s[3:])) for s in starts]
    return max(later - earlier for earlier, later in pairwise([*times, times[0] + DAY]))


def can_be_undone(done_at: datetime, now: datetime) -> bool:
    return now < done_at + UNDO_FOR + UNDO_GRACE
