"""Thousands of devices in one thread: raw MQTT, and the reference agent's ways of sending.

Each keeps its readings until they are acked; connected, it says birth, state, report and its newest
reading, then, after the first ack, what it kept. A power cut drops every connection without a word.
"""

import heapq
import itertools
import select
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from random import Random
from threading import Event, Thread

from fleet.simulator.fleet import allow_open_files
from tests.support.raw_device import RawDevice
from tests.support.raw_line import RawLine, Secure


class RawFleet:
    """All of them, with one loop in a thread of its own. What is asked of it is done there.

    `secure`: what a device shows the broker over TLS; None: plain text. ValueError where this
    process may not open so many files.
    """

    def __init__(
        self,
        port: int,
        device_ids: Sequence[str],
        *,
        interval_s: float,
        will_delay_s: int,
        secure: Secure | None = None,
    ) -> None:
        allow_open_files(len(device_ids) + 512)
        self.port, self.will_delay_s, self._interval_s = port, will_delay_s, interval_s
        self.secure = secure
        self.boot = int(time.time())
        self.rng = Random(1)
        self.has_power = False
        self.unacked = 0
        self.devices = [RawDevice(self, n, name) for n, name in enumerate(device_ids)]
        self._by_file: dict[int, RawLine] = {}
        self._epoll = select.epoll()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._stop = Event()
        self._begun = time.monotonic()
        self._thread = Thread(target=self._run, name="raw-fleet", daemon=True)

    def start(self) -> None:
        """They measure, and have no power for the network yet."""
        self._thread.start()
        self._asked.put(self._begin)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        for device in self.devices:
            device.hang_up()
        self._epoll.close()

    def power_on(self, within_s: float) -> None:
        """Everybody connects, somewhere within that time."""

        def do() -> None:
            self.has_power = True
            for device in self.devices:
                self.later(self.rng.uniform(0, within_s), device.connect)

        self._asked.put(do)

    def power_cut(self) -> None:
        """Every connection is gone in this moment; the batteries go on."""

        def do() -> None:
            self.has_power = False
            for device in self.devices:
                device.hang_up()

        self._asked.put(do)

    @property
    def connected(self) -> int:
        return sum(device.is_connected for device in self.devices)

    @property
    def uptime_s(self) -> int:
        return int(time.monotonic() - self._begun)

    # --- for its devices --------------------------------------------------------------------

    def later(self, seconds: float, do: Callable[..., object], *args: object) -> None:
        call: Callable[[], object] = partial(do, *args)
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), call))

    def watch(self, line: RawLine, file: int, writing: bool) -> None:
        events = select.EPOLLIN | (select.EPOLLOUT if writing else 0)
        if file in self._by_file:
            self._epoll.modify(file, events)
        else:
            self._by_file[file] = line
            self._epoll.register(file, events)

    def forget(self, file: int) -> None:
        if self._by_file.pop(file, None):
            self._epoll.unregister(file)

    # --- the loop ---------------------------------------------------------------------------

    def _begin(self) -> None:
        for device in self.devices:
            self.later(self.rng.uniform(0, self._interval_s), self._measure, device)

    def _measure(self, device: RawDevice) -> None:
        self.later(self._interval_s, self._measure, device)
        device.measure()

    def _run(self) -> None:
        while not self._stop.is_set():
            for file, events in self._epoll.poll(self._pause()):
                if line := self._by_file.get(file):
                    line.moved(events)
            with suppress(Empty):
                while True:
                    self._asked.get_nowait()()
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()

    def _pause(self) -> float:
        ahead = self._due[0][0] - time.monotonic() if self._due else 0.05
        return min(max(ahead, 0), 0.05)
