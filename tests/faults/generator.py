"""A population of devices on one connection, in a thread: the topics say who speaks."""

import heapq
import select
import time
from collections.abc import Callable, Iterable
from threading import Event, RLock, Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

from tests.faults.devices import WILD, Device, Habits
from tests.support.waiting import wait_until

TURN_S = 0.01
RECONNECT_S = 0.2
LOOK_AGAIN_S = 0.2
"""A device looks no more often than this for what it should say: no pace is quicker."""
UNCONFIRMED = 5_000
"""Messages without a PUBACK at which the population waits for its broker."""


class Line:
    """One MQTT connection, driven by its owner.

    Nothing of it outlives its loss: sending again is the devices' duty, and no queue of paho's
    may do it in their stead. OSError where the broker cannot be reached.
    """

    def __init__(self, url: str, hear: Callable[[str, bytes], None]) -> None:
        self.is_up = self.is_lost = False
        self.confirmed = 0
        """Messages for which the broker has sent its PUBACK."""
        self._published = 0
        self._hear = hear
        client = self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        client.max_inflight_messages_set(2 * UNCONFIRMED)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        parts = urlsplit(url)
        client.connect(parts.hostname or "", parts.port or 1883)

    @property
    def is_ready(self) -> bool:
        return self.is_up and not self.is_lost and self._published < self.confirmed + UNCONFIRMED

    @property
    def is_confirmed(self) -> bool:
        """The broker has taken all that was published."""
        return self._published == self.confirmed

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        self._published += 1
        self._client.publish(topic, payload, qos=1, retain=retain)

    def turn(self) -> None:
        """Read and write what can be; waits a moment for it."""
        connection = self._client.socket()
        if connection is None:
            self.is_lost = True
            return
        poller = select.poll()
        writing = select.POLLOUT if self._client.want_write() else 0
        poller.register(connection, select.POLLIN | writing)
        for _, events in poller.poll(TURN_S * 1000):
            if events & ~select.POLLOUT:
                self._client.loop_read()
            if events & select.POLLOUT:
                self._client.loop_write()
        self._client.loop_misc()

    def wait_until(
        self, predicate: Callable[[], bool], timeout: float = 10, what: str | None = None
    ) -> None:
        """Turn until it holds: for a test that drives a line itself."""

        def turned() -> bool:
            self.turn()
            return predicate()

        wait_until(turned, timeout, interval=0, what=what)

    def close(self) -> None:
        self._client.disconnect()

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        client.subscribe("fleet/v1/down/+/ack", qos=1)
        self.is_up = not reason.is_failure

    def _on_disconnect(self, *_anything: Any) -> None:
        self.is_lost = True

    def _on_publish(self, *_anything: Any) -> None:
        self.confirmed += 1

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        self._hear(message.topic, bytes(message.payload))


def publish(url: str, topic: str, payload: bytes, *, retain: bool = False) -> None:
    """One message by whoever; returns when the broker has taken it."""
    line = Line(url, lambda _topic, _payload: None)
    line.wait_until(lambda: line.is_ready)
    line.publish(topic, payload, retain)
    line.wait_until(lambda: line.is_confirmed)
    line.close()


class Population(Thread):
    """Devices that measure, send, and send again, until `rest`; entered and left with `with`.

    `devices` may be read under `lock`.
    """

    def __init__(
        self,
        url: str,
        device_ids: Iterable[str],
        *,
        seed: int,
        pace_s: float = 1.0,
        habits: Habits = WILD,
    ) -> None:
        super().__init__(name="population")
        names = list(device_ids)
        # They do not all report in one moment.
        first = time.time() - pace_s
        self.lock = RLock()
        self.devices = {
            name: Device(name, seed, first + pace_s * number / len(names), pace_s, habits)
            for number, name in enumerate(names)
        }
        self._wakes = [(device.next_due, name) for name, device in self.devices.items()]
        self._url = url
        self._line: Line | None = None
        self._measuring, self._ending = True, Event()
        self._error: BaseException | None = None

    # --- What a test asks ---------------------------------------------------------------------

    @property
    def measured(self) -> int:
        with self.lock:
            return sum(b.taken for device in self.devices.values() for b in device.boots.values())

    @property
    def kept(self) -> int:
        with self.lock:
            return sum(len(device.kept) for device in self.devices.values())

    @property
    def acked(self) -> int:
        with self.lock:
            return self.measured - self.kept

    @property
    def confirmed(self) -> int:
        """Messages that the broker has taken over the present connection."""
        return self._line.confirmed if self._line is not None else 0

    @property
    def complaints(self) -> list[str]:
        with self.lock:
            return [said for device in self.devices.values() for said in device.complaints]

    def rest(self) -> None:
        """No more readings; all come into range, and send what they keep until it is acked."""
        with self.lock:
            self._measuring = False
            for device in self.devices.values():
                device.come_back()

    def drain(self, timeout: float = 100) -> None:
        """Wait until every reading is acked."""
        self.rest()
        wait_until(self._is_drained, timeout, what=f"{self.kept} readings to be acked")

    def acks_more(self, readings: int, timeout: float = 60) -> None:
        """Wait until so many more readings are acked than now."""
        before = self.acked
        wait_until(
            lambda: self._is_well() and self.acked >= before + readings,
            timeout,
            what=f"{readings} more readings to be acked",
        )

    def publishes(self, messages: int, timeout: float = 60) -> None:
        """Wait until the broker has taken so many over one connection."""
        wait_until(lambda: self._is_well() and self.confirmed >= messages, timeout)

    # --- The thread ---------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._ending.set()
        self.join()
        self._is_well()

    def run(self) -> None:
        try:
            while not self._ending.is_set():
                self._turn()
            if self._line is not None:
                self._line.close()
        except BaseException as error:
            self._error = error
            raise

    def _turn(self) -> None:
        if self._line is None or self._line.is_lost:
            self._connect()
        else:
            if self._line.is_ready:
                self._wake_the_due(self._line, time.time())
            self._line.turn()

    def _connect(self) -> None:
        try:
            self._line = Line(self._url, self._hear)
        except OSError:
            self._ending.wait(RECONNECT_S)
            return
        now = time.time()
        with self.lock:
            for device in self.devices.values():
                device.reconnected(now)

    def _wake_the_due(self, line: Line, now: float) -> None:
        while self._wakes and self._wakes[0][0] <= now and line.is_ready:
            _, name = heapq.heappop(self._wakes)
            device = self.devices[name]
            with self.lock:
                if self._measuring:
                    device.measure(now)
                said = device.messages(now)
            for payload in said:
                line.publish(f"fleet/v1/up/{name}/telemetry", payload)
            heapq.heappush(self._wakes, (max(device.next_due, now + LOOK_AGAIN_S), name))

    def _hear(self, topic: str, payload: bytes) -> None:
        device = self.devices.get(topic.split("/")[3])
        if device is not None:
            with self.lock:
                device.hear(payload)

    def _is_well(self) -> bool:
        if self._error is not None:
            raise AssertionError("the population's thread died") from self._error
        return True

    def _is_drained(self) -> bool:
        return self._is_well() and self.kept == 0
