"""Shifts: when the present one ends, on the clock of the hospital."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta, tzinfo

DAYS_ROUND = (-1, 0, 1, 2)
"""From today, by the hospital's clock: with them a next start is found over any change of time."""


def shift_end(now: datetime, starts: Iterable[time], zone: tzinfo) -> datetime | None:
    """The next start of a shift after `now`, in `zone`; None where no shifts are set.

    A start that the clock skips in spring comes as much later as was skipped; one that comes twice
    in autumn counts the first time.
    """
    today = now.astimezone(zone).date()
    # Compared in UTC: within one zone Python compares the hands of the clock, not moments.
    moments = [
        datetime.combine(today + timedelta(days=days), start, zone).astimezone(UTC)
        for start in starts
        for days in DAYS_ROUND
    ]
    ahead = [moment for moment in moments if moment > now]
    return min(ahead).astimezone(zone) if ahead else None


def hour_of_week(at: datetime, zone: tzinfo) -> float:
    """From Monday 00:00 by the hospital's clock, with its fraction: 0 to below 168."""
    local = at.astimezone(zone)
    return 24 * local.weekday() + local.hour + local.minute / 60 + local.second / 3600
