"""Who has been heard of: silence is a deadline computed in advance."""

from datetime import datetime, timedelta

MISSED_REPORTS = 4
"""A device is offline when this many reports are missing: three lost ones are bad Wi-Fi."""
GRACE = timedelta(seconds=15)
DEFAULT_INTERVAL_S = 30


def offline_deadline(received_at: datetime, interval_s: int) -> datetime:
    """The moment at which a device that says nothing more counts as not heard of."""
    return received_at + MISSED_REPORTS * timedelta(seconds=interval_s) + GRACE


def is_silent(offline_after: datetime | None, now: datetime) -> bool:
    return offline_after is None or now >= offline_after


def will_counts(will_session: int, current_session: int | None) -> bool:
    """A last will counts only for the session that is on: one of an older session came late."""
    return current_session is None or will_session >= current_session
