"""One thread for any number of agents: it waits for sockets and for what is due."""

import heapq
import itertools
import logging
import selectors
import time
from collections.abc import Callable
from socket import socket
from threading import Event
from typing import Protocol

log = logging.getLogger(__name__)

STOP_CHECK_S = 0.25
SHORTEST_PAUSE_S = 0.01
AFTER_FAILURE_S = 5.0


class Wire(Protocol):
    """The side of a link that faces the loop."""

    @property
    def socket(self) -> socket | None: ...

    @property
    def wants_write(self) -> bool: ...

    def read(self) -> None: ...

    def write(self) -> None: ...

    def drop(self) -> None: ...


class Member(Protocol):
    """Something with a wire, that acts when it is due or when its wire has moved."""

    def tick(self, now: float) -> float:
        """Act; returns when it is next due. Both in monotonic seconds."""


class _Seat:
    """One member, with its wire and the socket that is watched for it."""

    def __init__(self, member: Member, wire: Wire, due: float) -> None:
        self.member, self.wire, self.due = member, wire, due
        self.watched: socket | None = None
        self.events = 0


class Loop:
    """Runs members until told to stop. An exception in one is logged and does not harm others."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, _Seat]] = []
        self._order = itertools.count()

    def add(self, member: Member, wire: Wire, due: float) -> None:
        """Let the member act for the first time at `due`."""
        self._schedule(_Seat(member, wire, due), due)

    def run(self, stop: Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            for key, events in self._selector.select(self._pause()):
                self._move(key.data, events)
            self._act_on_due()

    def close(self) -> None:
        self._selector.close()

    def _pause(self) -> float:
        if not self._due:
            return STOP_CHECK_S
        return min(max(self._due[0][0] - self._monotonic(), 0.0), STOP_CHECK_S)

    def _move(self, seat: _Seat, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                seat.wire.write()
            if events & selectors.EVENT_READ:
                seat.wire.read()
        except Exception:
            log.exception("network of %s", seat.member)
            seat.wire.drop()
        self._act(seat)

    def _act_on_due(self) -> None:
        now = self._monotonic()
        while self._due and self._due[0][0] <= now:
            due, _, seat = heapq.heappop(self._due)
            if due == seat.due:
                self._act(seat)

    def _act(self, seat: _Seat) -> None:
        now = self._monotonic()
        try:
            due = max(seat.member.tick(now), now + SHORTEST_PAUSE_S)
        except Exception:
            log.exception("%s failed", seat.member)
            due = now + AFTER_FAILURE_S
        self._watch(seat)
        self._schedule(seat, due)

    def _schedule(self, seat: _Seat, due: float) -> None:
        """An earlier entry of the same seat is left in the heap, and passed over: it is not due."""
        seat.due = due
        heapq.heappush(self._due, (due, next(self._order), seat))

    def _watch(self, seat: _Seat) -> None:
        sock = seat.wire.socket
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if seat.wire.wants_write else 0)
        if sock is not seat.watched:
            if seat.watched is not None:
                self._selector.unregister(seat.watched)
            if sock is not None:
                self._selector.register(sock, events, seat)
            seat.watched, seat.events = sock, events
        elif sock is not None and events != seat.events:
            self._selector.modify(sock, events, seat)
            seat.events = events
