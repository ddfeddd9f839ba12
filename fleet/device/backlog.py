"""Paced sending: the newest reading first, then what was kept before it, until acks cover them.

After a power cut a whole hospital comes back at once. What the board needs of each device is its
newest reading; its history can wait, and takes the longer the slower the service answers.
"""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from msgspec import Raw, Struct

from fleet.device.journal import END, START, Chunk, Journal
from fleet.wire.messages import PROTOCOL_VERSION, Ack, encode

MAX_READINGS = 200
MAX_BYTES = 512 * 1024
WINDOW = 2
"""Messages of fresh readings on the way without an ack, at most; of history one."""
ACK_TIMEOUT_S = 30.0
LONGEST_TIMEOUT_S = 120.0

FIRST_READINGS = 50
LEAST_READINGS = 10
"""Of history in a message. After a quick ack twice as many, after a slow one half as many."""
QUICK_S = 2.0
SPREAD_S = 5.0
"""History begins somewhere within so long after the first ack."""
PAUSE_S = 1.0
"""Between two messages of history, about; twice what the ack took, where that is longer."""


class _KeptTelemetry(Struct, omit_defaults=True):
    """A telemetry message whose readings are already encoded."""

    v: int
    boot: int
    readings: list[Raw]
    uptime_s: int | None = None


@dataclass(slots=True)
class _Flight:
    """A message on the way, and those of its readings that no ack has covered yet."""

    boot: int
    open_seqs: set[int]
    sent_at: float
    expires_at: float

    def cover(self, boot: int, ranges: Collection[tuple[int, int]]) -> None:
        if boot == self.boot:
            self.open_seqs = {
                seq for seq in self.open_seqs if not any(a <= seq <= b for a, b in ranges)
            }


class _Pace:
    """How much history goes into a message, and when the next one goes."""

    def __init__(self, rng: Random, now: float) -> None:
        self._rng = rng
        self.size = FIRST_READINGS
        self.next_at = now + rng.uniform(0, SPREAD_S)

    def answered(self, now: float, took_s: float) -> None:
        is_quick = took_s <= QUICK_S
        self.size = min(2 * self.size, MAX_READINGS) if is_quick else self.size // 2
        self.size = max(self.size, LEAST_READINGS)
        self.next_at = now + self._rng.uniform(0.5, 1.5) * max(PAUSE_S, 2 * took_s)


class Backlog:
    """What of the journal is on the way, and what goes next.

    Without an answer, everything is sent again, beginning with what is newest by then: one message
    only, and each time after a longer wait, so that a service that is down, or just coming back, is
    not flooded by its whole fleet. The first ack opens the window again, and begins the history.
    """

    def __init__(
        self,
        journal: Journal,
        send: Callable[[bytes], None],
        rng: Random,
        ack_timeout_s: float = ACK_TIMEOUT_S,
        uptime_s: Callable[[float], int | None] = lambda now: None,
    ) -> None:
        self._journal = journal
        self._send = send
        self._rng = rng
        self._uptime_s = uptime_s
        self._first_timeout_s = self._timeout_s = ack_timeout_s
        self._window = WINDOW
        self.restart()

    def restart(self) -> None:
        """On a new connection: what was on the way may be lost."""
        self._fresh: list[_Flight] = []
        self._fresh_from: tuple[int, int] | None = None
        self._fresh_up_to = START
        self._history: _Flight | None = None
        self._history_up_to = START
        self._pace: _Pace | None = None

    def pump(self, now: float) -> float:
        """Send what may be sent; returns when to look again if no ack comes."""
        if any(now >= flight.expires_at for flight in self._flights()):
            self.restart()
            self._window = 1
            self._timeout_s = max(min(2 * self._timeout_s, LONGEST_TIMEOUT_S), self._timeout_s)
        while len(self._fresh) < self._window and (chunk := self._next_fresh()):
            self._fresh.append(self._launch(chunk, now))
        if self._pace and not self._history and now >= self._pace.next_at:
            self._send_history(self._pace, now)
        moments = [flight.expires_at for flight in self._flights()]
        if self._pace and not self._history:
            moments.append(self._pace.next_at)
        return min(moments, default=math.inf)

    def acked(self, ack: Ack, now: float) -> bool:
        """Forget what the service has, and what it refuses for good.

        Returns whether it had left something without an answer before.
        """
        refused = [(refusal.seq, refusal.seq) for refusal in ack.refused]
        covered = [*ack.ranges, *refused]
        self._journal.forget(ack.boot, covered)
        for flight in self._flights():
            flight.cover(ack.boot, covered)
        self._fresh = [flight for flight in self._fresh if flight.open_seqs]
        self._pace = self._pace or _Pace(self._rng, now)
        if self._history and not self._history.open_seqs:
            self._pace.answered(now, now - self._history.sent_at)
            self._history = None
        was_deaf = self._window < WINDOW
        self._window, self._timeout_s = WINDOW, self._first_timeout_s
        return was_deaf

    def _flights(self) -> list[_Flight]:
        return [*self._fresh, self._history] if self._history else self._fresh

    def _next_fresh(self) -> Chunk | None:
        """What has been measured since the last message; at first the newest reading alone."""
        if self._fresh_from is None:
            chunk = self._journal.newest()
            self._fresh_from = chunk and chunk.last
        else:
            chunk = self._journal.chunk(self._fresh_up_to, MAX_READINGS, MAX_BYTES)
        if chunk:
            self._fresh_up_to = chunk.last
        return chunk

    def _send_history(self, pace: _Pace, now: float) -> None:
        """What is older than everything fresh, the oldest first."""
        chunk = self._journal.chunk(
            self._history_up_to, pace.size, MAX_BYTES, before=self._fresh_from or END
        )
        if chunk is None:
            pace.next_at = math.inf
            return
        self._history = self._launch(chunk, now)
        self._history_up_to = chunk.last

    def _launch(self, chunk: Chunk, now: float) -> _Flight:
        readings = [Raw(body) for body in chunk.bodies]
        # With the uptime now, the service knows each reading's age without trusting our clock;
        # an earlier boot's uptimes say nothing of that.
        uptime_s = self._uptime_s(now) if chunk.boot == self._journal.boot else None
        self._send(encode(_KeptTelemetry(PROTOCOL_VERSION, chunk.boot, readings, uptime_s)))
        return _Flight(chunk.boot, set(chunk.seqs), now, now + self._timeout_s)
