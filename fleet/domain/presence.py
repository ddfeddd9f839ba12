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


def will_counts(boot: int | None, session: int, current_boot: int, current_session: int) -> bool:
    """A last will counts only for the session that is on: one of an older session came late.

    Sessions rise with each connection of one memory of the device; its boot tells which memory.
    """
    if boot is None:
        return session >= current_session
    return (boot, session) >= (current_boot, current_session)
