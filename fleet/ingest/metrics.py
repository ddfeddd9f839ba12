"""What ingest counts: once a batch, never once a message."""

from collections import Counter as Tally
from collections.abc import Iterable
from datetime import timedelta
from time import monotonic

from prometheus_client import Counter, Gauge, Histogram

from fleet.ingest.batch import Rejected
from fleet.metrics import REGISTRY

_messages = Counter(
    "wardfleet_ingest_messages", "Messages recorded or set aside.", registry=REGISTRY
)
_batch_seconds = Histogram(
    "wardfleet_ingest_batch_seconds",
    "From a batch's receipt to its commit, waits for the database included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
    registry=REGISTRY,
)
_batch_messages = Histogram(
    "wardfleet_ingest_batch_messages",
    "Messages of a batch.",
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000),
    registry=REGISTRY,
)
_quarantined = Counter(
    "wardfleet_ingest_quarantined", "Messages set aside.", ["reason"], registry=REGISTRY
)
HELD_BYTES = Gauge(
    "wardfleet_ingest_held_bytes", "Payloads received that wait for a batch.", registry=REGISTRY
)
SHED = Counter(
    "wardfleet_ingest_shed",
    "Messages let go unacked, for want of memory: their devices send them again.",
    registry=REGISTRY,
)


def committed(messages: int, seconds: float) -> None:
    """A batch of so many messages is in the database, so long after it was received."""
    _messages.inc(messages)
    _batch_messages.observe(messages)
    _batch_seconds.observe(seconds)


def quarantined(rejected: Iterable[Rejected]) -> None:
    """These were set aside, and that is committed."""
    for kind, many in Tally(one.kind for one in rejected).items():
        _quarantined.labels(kind).inc(many)


class Lag:
    """How far behind ingest is, as the service's own messages among the devices' show."""

    KNOWN_FOR_S = 60.0
    """Where no such message comes any more, nothing is known."""

    _gauge = Gauge(
        "wardfleet_ingest_lag_seconds",
        "How long the newest of the service's own messages had waited when it was recorded.",
        registry=REGISTRY,
    )

    def __init__(self) -> None:
        self._newest = timedelta(0)
        self._heard_at = -self.KNOWN_FOR_S

    def heard(self, lag: timedelta) -> None:
        """One has come, sent so long ago."""
        self._newest, self._heard_at = max(lag, timedelta(0)), monotonic()
        self._gauge.set(self._newest.total_seconds())

    def now(self) -> timedelta | None:
        """None where no message tells: none came for a while."""
        return self._newest if monotonic() - self._heard_at < self.KNOWN_FOR_S else None


LAG = Lag()
