"""Is the service well? Judged by the signs of life of its processes; `/readyz` and `fleet doctor`
ask alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

PROCESS_DEADLINE = timedelta(seconds=20)
"""Three signs of life may be missed, and the fourth be on its way."""
ROUND_TRIP_DEADLINE = timedelta(seconds=30)
LAG_LIMIT = timedelta(seconds=30)
"""Boards promise to be current: further behind, ingest is not doing its work."""
CLOCKS_APART = timedelta(seconds=5)
"""So far ahead the clock of another machine may be."""

ENOUGH_SPACE_BYTES = 500 * 1024**2
"""Less than this free is nearly full: some hours of readings of a large hospital."""
ENOUGH_SPACE_SHARE = 0.05
"""On a disk of less than 10 GB, this share of it."""

_NO_BROKER = "Ingest is not connected to the broker: see that it runs and FLEET_MQTT_URL names it."
_SILENT = "Not heard of within its deadline: see that `fleet {0}` runs, and its log."
_FUTURE = "Its last sign of life is from the future: set the clocks of all machines alike."
_NO_ROUND_TRIP = "No message came through schedule, broker and ingest: see the checks before this."
_NO_ROOM = (
    "The database refuses what ingest writes, so nothing is acked: free space on its disk, and see "
    "ingest's log."
)
_BEHIND = (
    "Ingest records what arrived {0} s ago. It is catching up; if this does not fall, see its log "
    "and the database's load, or run one more `fleet ingest`."
)


@dataclass(frozen=True, slots=True)
class Sign:
    """The newest sign of life of one process. `lag`: how late it hears, where it hears at all;
    `problem`: why it cannot do its work."""

    process: str
    instance: str
    at: datetime
    broker_connected: bool | None = None
    lag: timedelta | None = None
    problem: str | None = None


def problems(
    signs: Sequence[Sign], round_trip_at: datetime | None, now: datetime
) -> dict[str, str | None]:
    """Every check by its name: None, or a sentence about what to do.

    `round_trip_at`: when the newest message was sent that came through the broker and was recorded.
    """
    ingests = [sign for sign in signs if sign.process == "ingest" and is_alive(sign.at, now)]
    connected = [ingest for ingest in ingests if ingest.broker_connected]
    lag = max((ingest.lag for ingest in ingests if ingest.lag is not None), default=timedelta(0))
    return {
        "ingest": _silence("ingest", signs, now),
        # What a silent process said last about the broker is not known any more.
        "broker": None if connected else _NO_BROKER,
        "recording": _NO_ROOM if any(ingest.problem for ingest in ingests) else None,
        "schedule": _silence("schedule", signs, now),
        "lag": None if lag <= LAG_LIMIT else _BEHIND.format(round(lag.total_seconds())),
        "round_trip": _late(round_trip_at, now, ROUND_TRIP_DEADLINE, _NO_ROUND_TRIP),
    }


def is_alive(at: datetime, now: datetime) -> bool:
    """Whether a process whose newest sign of life is of then may be counted on."""
    return now - PROCESS_DEADLINE <= at <= now + CLOCKS_APART


def nearly_full(free_bytes: int, size_bytes: int) -> bool:
    """A share alone would call a large disk full that has months of room left."""
    return free_bytes < min(ENOUGH_SPACE_BYTES, ENOUGH_SPACE_SHARE * size_bytes)


def _silence(process: str, signs: Sequence[Sign], now: datetime) -> str | None:
    """Of several instances one that lives is enough."""
    heard = [sign.at for sign in signs if sign.process == process]
    if any(is_alive(at, now) for at in heard):
        return None
    return _late(max(heard, default=None), now, PROCESS_DEADLINE, _SILENT.format(process))


def _late(at: datetime | None, now: datetime, deadline: timedelta, words: str) -> str | None:
    if at is not None and at > now + CLOCKS_APART:
        return _FUTURE
    return None if at is not None and now - at <= deadline else words
