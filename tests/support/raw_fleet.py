"""Thousands of devices in one thread: raw MQTT, and the reference agent's ways of sending.

Each keeps its readings until they are acked; connected, it says birth, state, report and its newest
reading, then, after the first ack, what it kept. A power cut drops every connection without a word.
"""

import errno
import heapq
import itertools
import json
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from queue import Empty, SimpleQueue
from random import Random
from threading import Event, Thread
from typing import Any

import msgspec

from fleet.device.backlog import FIRST_READINGS, SPREAD_S
from fleet.simulator.fleet import allow_open_files
from fleet.wire import topics
from fleet.wire.messages import (
    Ack,
    Battery,
    Birth,
    Location,
    Reading,
    Reported,
    ReportedItem,
    State,
    System,
    Telemetry,
    encode,
)
from tests.support import mqtt5

KEEP_ALIVE_S = 60
RESEND_AFTER_S = 30.0
RETRY_S = 2.0
_decode_ack = msgspec.json.Decoder(Ack).decode
_NO_LINGER = struct.pack("ii", 1, 0)
"""Close with a reset: as a machine whose power is gone, nothing is said."""


class RawDevice:
    """One device: its memory, and the connection it has or not."""

    def __init__(self, fleet: "RawFleet", number: int, device_id: str) -> None:
        self.fleet, self.device_id = fleet, device_id
        self.socket: socket.socket | None = None
        self.is_connected = False
        self.session = 0
        self.kept: dict[int, Reading] = {}
        self._zone = f"zone-{number % 97}"
        self._soc = 60 + number % 40
        self._seq = self._report_seq = 0
        self._reported: dict[str, Any] = {"generation": 0, "sha256": "", "items": []}
        self._packet_ids = itertools.cycle(range(1, 65_536))
        self._received, self._unsent = bytearray(), bytearray()
        self._answered = False
        self._is_writing = self._is_safe = False

    # --- the network ------------------------------------------------------------------------

    def connect(self) -> None:
        if not self.fleet.has_power:
            return
        self.hang_up()
        self.session += 1
        will = mqtt5.Will(self._topic("state"), self._state(False), self.fleet.will_delay_s)
        hello = mqtt5.connect(self.device_id, will, 2 * self.fleet.will_delay_s, KEEP_ALIVE_S)
        self._received, self._unsent = bytearray(), bytearray(hello)
        self.socket = socket.socket()
        self._is_safe = self.fleet.secure is None
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        if self.socket.connect_ex(("127.0.0.1", self.fleet.port)) not in (0, errno.EINPROGRESS):
            self._lost()
            return
        self._is_writing = True
        self.fleet.watch(self, writing=True)

    def hang_up(self) -> None:
        self.is_connected = False
        if self.socket:
            self.fleet.forget(self)
            self.socket.close()
            self.socket = None

    def moved(self, events: int) -> None:
        """Its socket can be read or written, or is broken."""
        try:
            if not (self._is_safe or self._shake_hands()):
                return
            if events & select.EPOLLOUT:
                self._write()
            if events & ~select.EPOLLOUT:
                self._read()
        except OSError:
            self._lost()

    def _shake_hands(self) -> bool:
        """One step further; whether it is done."""
        assert self.socket
        assert self.fleet.secure
        if not isinstance(self.socket, ssl.SSLSocket):
            self.socket = self.fleet.secure(self.device_id).wrap_socket(
                self.socket, do_handshake_on_connect=False, server_hostname="127.0.0.1"
            )
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            self.fleet.watch(self, writing=False)
        except ssl.SSLWantWriteError:
            self.fleet.watch(self, writing=True)
        else:
            self._is_safe = True
            self._write()
        return self._is_safe

    def _lost(self) -> None:
        self.hang_up()
        self.fleet.later(self.fleet.rng.uniform(0, RETRY_S), self.connect)

    def _read(self) -> None:
        assert self.socket
        with suppress(ssl.SSLWantReadError):  # the broker's own talk about the connection
            while True:
                data = self.socket.recv(65_536)
                if not data:
                    raise ConnectionResetError
                self._received += data
                if not (isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()):
                    break
        for packet in mqtt5.packets(self._received):
            self._take(packet)

    def _write(self) -> None:
        assert self.socket
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if self._unsent:
                del self._unsent[: self.socket.send(self._unsent)]
        if self._is_writing != bool(self._unsent):
            self._is_writing = bool(self._unsent)
            self.fleet.watch(self, self._is_writing)

    def _send(self, packet: bytes) -> None:
        self._unsent += packet
        self._write()

    # --- what is heard ----------------------------------------------------------------------

    def _take(self, packet: mqtt5.Packet) -> None:
        if packet.kind == mqtt5.CONNACK:
            if not mqtt5.is_accepted(packet):
                raise ConnectionRefusedError
            self._say_who_i_am()
        elif packet.kind == mqtt5.DISCONNECT:
            raise ConnectionResetError
        elif packet.kind == mqtt5.PUBLISH:
            topic, payload, packet_id = mqtt5.published(packet)
            if packet_id is not None:
                self._send(mqtt5.puback(packet_id))
            self._hear(topic.rpartition("/")[2], payload)

    def _hear(self, channel: str, payload: bytes) -> None:
        if channel == "ack":
            self._on_ack(_decode_ack(payload))
        elif channel == "desired" and payload:
            self._apply(json.loads(payload))
        elif channel == "rebirth":
            self._say_who_i_am()

    def _on_ack(self, ack: Ack) -> None:
        for first, last in ack.ranges:
            for seq in range(first, last + 1):
                if self.kept.pop(seq, None):
                    self.fleet.unacked -= 1
        if not self._answered:
            self._answered = True
            soon = self.fleet.rng.uniform(0, SPREAD_S)
            self.fleet.later(soon, self._send_history, self.session)

    def _apply(self, desired: dict[str, Any]) -> None:
        """Everything as it is wanted, and reported so."""
        document = desired["document"]
        items = {f"settings.{key}": value for key, value in document["settings"].items()}
        items |= {f"apps.{app['name']}": app["version"] for app in document["apps"]}
        items["reporting_interval_s"] = document["reporting_interval_s"]
        if minimum := document.get("firmware_minimum"):
            items["firmware"] = minimum
        self._reported = {
            "generation": desired["generation"],
            "sha256": desired["sha256"],
            "items": [ReportedItem(path, value) for path, value in items.items()],
        }
        self._report()

    # --- what is said -----------------------------------------------------------------------

    def measure(self) -> None:
        """Also while there is no network: that is what the journal is for."""
        self._seq += 1
        reading = Reading(
            seq=self._seq,
            ts=datetime.now(UTC),
            uptime_s=self.fleet.uptime_s,
            clock="synced",
            batteries=[_battery(self.device_id, self._soc)],
            location=Location(zone=self._zone),
            system=System(firmware="4.1.0", os="Debian 12", idle_s=900, wifi_rssi_dbm=-58),
        )
        self.kept[self._seq] = reading
        self.fleet.unacked += 1
        if self.is_connected:
            self._send_readings([reading])

    def _say_who_i_am(self) -> None:
        self.is_connected, self._answered = True, False
        birth = Birth(1, self.fleet.boot, self.session, "raw/1", firmware="4.1.0", os="Debian 12")
        subscribe = mqtt5.subscribe(next(self._packet_ids), topics.down(self.device_id, "#"))
        self._send(subscribe)
        self._publish("birth", encode(birth))
        self._publish("state", self._state(True), retain=True)
        self._report()
        self._resend(self.session)

    def _report(self) -> None:
        self._report_seq += 1
        self._publish(
            "reported", encode(Reported(1, self.fleet.boot, self._report_seq, **self._reported))
        )

    def _resend(self, session: int) -> None:
        """The newest at once and, without an answer, again."""
        if session == self.session and self.is_connected and self.kept and not self._answered:
            self._send_readings([self.kept[max(self.kept)]])
            self.fleet.later(RESEND_AFTER_S, self._resend, session)

    def _send_history(self, session: int) -> None:
        """The oldest first, again and again until nothing is left of it."""
        if session == self.session and self.is_connected and self.kept:
            oldest = sorted(self.kept)[:FIRST_READINGS]
            self._send_readings([self.kept[seq] for seq in oldest])
            self.fleet.later(RESEND_AFTER_S, self._send_history, session)

    def _send_readings(self, readings: list[Reading]) -> None:
        message = Telemetry(1, self.fleet.boot, readings, uptime_s=self.fleet.uptime_s)
        self._publish("telemetry", encode(message))

    def _publish(self, channel: str, payload: bytes, retain: bool = False) -> None:
        self._send(mqtt5.publish(next(self._packet_ids), self._topic(channel), payload, retain))

    def _state(self, online: bool) -> bytes:
        return encode(State(online, self.session, self.fleet.boot))

    def _topic(self, channel: str) -> str:
        return topics.up(self.device_id, channel)


def _battery(device_id: str, soc: int) -> Battery:
    return Battery(
        serial=f"P-{device_id}"[:64],
        chemistry="LiFePO4",
        soc_pct=soc,
        voltage_mv=25_610,
        current_ma=-2_000,
        temp_c=31.5,
        cycle_count=100,
        remaining_mah=soc * 400,
        full_charge_mah=40_000,
        design_mah=40_000,
        status="discharging",
        power_source="none",
    )


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
        secure: Callable[[str], ssl.SSLContext] | None = None,
    ) -> None:
        allow_open_files(len(device_ids) + 512)
        self.port, self.will_delay_s, self._interval_s = port, will_delay_s, interval_s
        self.secure = secure
        self.boot = int(time.time())
        self.rng = Random(1)
        self.has_power = False
        self.unacked = 0
        self.devices = [RawDevice(self, n, name) for n, name in enumerate(device_ids)]
        self._by_file: dict[int, RawDevice] = {}
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

    def watch(self, device: RawDevice, writing: bool) -> None:
        assert device.socket
        file, events = device.socket.fileno(), select.EPOLLIN | (select.EPOLLOUT if writing else 0)
        if file in self._by_file:
            self._epoll.modify(file, events)
        else:
            self._by_file[file] = device
            self._epoll.register(file, events)

    def forget(self, device: RawDevice) -> None:
        assert device.socket
        if self._by_file.pop(device.socket.fileno(), None):
            self._epoll.unregister(device.socket.fileno())

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
                if device := self._by_file.get(file):
                    device.moved(events)
            with suppress(Empty):
                while True:
                    self._asked.get_nowait()()
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()

    def _pause(self) -> float:
        ahead = self._due[0][0] - time.monotonic() if self._due else 0.05
        return min(max(ahead, 0), 0.05)
