"""When a reading was taken, by the service's clock: devices lie about the time."""

from datetime import UTC, datetime, timedelta

AHEAD_AT_MOST = timedelta(minutes=5)
"""A timestamp further in the future than this comes from a wrong clock."""
NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
"""A timestamp before this comes from a clock that was never set."""


def clock_is_believable(sampled_at: datetime, received_at: datetime, synced: bool | None) -> bool:
    """Whether the device's own time may be used. `synced` is what the device says of its clock."""
    return synced is not False and NOT_BEFORE <= sampled_at <= received_at + AHEAD_AT_MOST


def measured_at(
    sampled_at: datetime,
    received_at: datetime,
    believable: bool,
    sent_uptime_s: int | None = None,
    sample_uptime_s: int | None = None,
) -> datetime:
    """The moment of the sample on the service's clock, never after `received_at`.

    By the two uptimes where the sample is of the boot that sends it; else by the device's clock if
    that can be believed; else, for want of anything better, the moment of its arrival.
    """
    if sent_uptime_s is not None and sample_uptime_s is not None:
        return received_at - timedelta(seconds=max(sent_uptime_s - sample_uptime_s, 0))
    return min(sampled_at, received_at) if believable else received_at


def clock_is_right(said: datetime, measured: datetime) -> bool:
    """Whether the device's time agrees with the moment that its uptimes tell (`measured_at`)."""
    return abs(said - measured) <= AHEAD_AT_MOST


def moment_in_history(sampled_at: datetime, received_at: datetime) -> datetime:
    """Where a recorded reading stands: by the device's clock, or a misdated one by its arrival."""
    return sampled_at if clock_is_believable(sampled_at, received_at, None) else received_at
