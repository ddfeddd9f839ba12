"""The one place where the API asks what time it is."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)
