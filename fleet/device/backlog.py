"""Paced sending: kept readings oldest first, a few messages at a time, until acks cover them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Raw, Struct

from fleet.device.journal import Chunk, Journal
from fleet.wire.messages import PROTOCOL_VERSION, Ack, encode

MAX_READINGS = 200
MAX_BYTES = 512 * 1024
WINDOW = 2
"""Telemetry messages on the way without an ack, at most."""
ACK_TIMEOUT_S = 30.0
LONGEST_TIMEOUT_S = 120.0
START = (-1, -1)


class _KeptTelemetry(Struct, omit_defaults=True):
    """A telemetry message whose readings are already encoded."""

    v: int
    boot: int
    readings: list[Raw]
    uptime_s: int | None = None


@dataclass(slots=True)
class _Flight:
    boot: int
    open_seqs: set[int]
    expires_at: float


class Backlog:
    """What of the journal is on the way, and what goes next.

    Without an answer, everything is sent again from the oldest reading on: one message only, and
    each time after a longer wait, so that a service that is down, or just coming back, is not
    flooded by its whole fleet. The first ack opens the window again.
    """

    def __init__(
        self,
        journal: Journal,
        send: Callable[[bytes], None],
        ack_timeout_s: float = ACK_TIMEOUT_S,
        uptime_s: Callable[[float], int | None] = lambda now: None,
    ) -> None:
        self._journal = journal
        self._uptime_s = uptime_s
        self._send = send
        self._first_timeout_s = self._timeout_s = ack_timeout_s
        self._window = WINDOW
        self._flights: list[_Flight] = []
        self._sent_up_to = START

    def restart(self) -> None:
        """On a new connection: what was on the way may be lost."""
        self._flights.clear()
        self._sent_up_to = START

    def pump(self, now: float) -> float:
        """Send what may be sent; returns when to look again if no ack comes."""
        if any(now >= flight.expires_at for flight in self._flights):
            self.restart()
            self._window = 1
            self._timeout_s = max(min(2 * self._timeout_s, LONGEST_TIMEOUT_S), self._timeout_s)
        while len(self._flights) < self._window:
            chunk = self._journal.chunk(self._sent_up_to, MAX_READINGS, MAX_BYTES)
            if chunk is None:
                break
            self._launch(chunk, now)
        return min((flight.expires_at for flight in self._flights), default=math.inf)

    def acked(self, ack: Ack) -> None:
        """Forget what the service has, and what it refuses for good."""
        refused = [(refusal.seq, refusal.seq) for refusal in ack.refused]
        covered = [*ack.ranges, *refused]
        self._journal.forget(ack.boot, covered)
        for flight in self._flights:
            if flight.boot == ack.boot:
                flight.open_seqs = {s for s in flight.open_seqs if not _within(s, covered)}
        self._flights = [flight for flight in self._flights if flight.open_seqs]
        self._window, self._timeout_s = WINDOW, self._first_timeout_s

    def _launch(self, chunk: Chunk, now: float) -> None:
        readings = [Raw(body) for body in chunk.bodies]
        # With the uptime now, the service knows each reading's age without trusting our clock;
        # an earlier boot's uptimes say nothing of that.
        uptime_s = self._uptime_s(now) if chunk.boot == self._journal.boot else None
        self._send(encode(_KeptTelemetry(PROTOCOL_VERSION, chunk.boot, readings, uptime_s)))
        self._flights.append(_Flight(chunk.boot, set(chunk.seqs), now + self._timeout_s))
        self._sent_up_to = (chunk.boot, chunk.seqs[-1])


def _within(seq: int, ranges: list[tuple[int, int]]) -> bool:
    return any(first <= seq <= last for first, last in ranges)
