"""Instructions to one device: each has an expiry, and an end that is shown."""

from datetime import timedelta
from enum import StrEnum


class CommandName(StrEnum):
    LOCATE = "locate"
    """It rings or blinks."""
    LOCK = "lock"
    REBOOT = "reboot"
    REFRESH = "refresh"
    """It measures, and says who it is and what it has."""


class CommandState(StrEnum):
    QUEUED = "queued"
    PUBLISHED = "published"
    """The broker has it."""
    ACKNOWLEDGED = "acknowledged"
    """The device has done it."""
    EXPIRED = "expired"
    FAILED = "failed"


STANDING = (CommandState.QUEUED, CommandState.PUBLISHED)
TTL_S = range(60, 301)
"""Seconds: after that the broker forgets it, and a cart that comes back does not ring at night."""
DEFAULT_TTL_S = 120
GRACE = timedelta(seconds=30)
"""For the answer to what was heard in the last moment."""
