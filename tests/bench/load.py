"""The load: thousands of devices' telemetry from one process, as fast as asked, over raw sockets.

A device is an id in a topic; a handful of connections carry them all. Packets are made beforehand
and only their numbers are written anew, so that the load costs the machine little beside what it
loads. Run as a process of its own by `tests.bench.ingest`.
"""

import argparse
import json
import mmap
import re
import selectors
import socket
import struct
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.support.hospital import reading, telemetry

CONNECTIONS = 4
CHUNK = 64
"""Messages written to a socket at once."""
_ACKED = re.compile(rb"\[(\d+),(\d+)\]")
SEQ_EVERY_NS = 10_000
"""A run's first sequence number is the moment in these: beyond those of every run before it (below
100,000 messages a second), so that no reading is an old one said again. It has fifteen digits from
the first to the last, so that a packet's length never changes."""


def string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def packet(kind: int, body: bytes) -> bytes:
    """An MQTT control packet: type and flags, length of the rest, the rest."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind]) + bytes(digits) + body


def connect_packet(client_id: str) -> bytes:
    return packet(0x10, string("MQTT") + bytes([5, 0x02]) + struct.pack(">H", 0) + b"\x00"
                  + string(client_id))  # fmt: skip


def subscribe_packet(topic: str) -> bytes:
    return packet(0x82, struct.pack(">H", 1) + b"\x00" + string(topic) + b"\x00")


class Telemetry:
    """One device's message, all but its numbers ready: packet id, seq, moment, charge."""

    SEQ, TIME, SOC = 911_111_111_111_111, "2000-01-01T00:00:00.000+00:00", 99

    def __init__(self, device_id: str, ward: int = 1) -> None:
        body = telemetry(reading(self.SEQ, soc=self.SOC, location={"zone": f"zone-{ward}"}))
        body["readings"][0]["ts"] = self.TIME
        body["readings"][0]["batteries"][0]["serial"] = f"PACK-{device_id}"
        text = json.dumps(body, separators=(",", ":")).encode()
        whole = packet(0x32, string(f"fleet/v1/up/{device_id}/telemetry") + b"\x00\x00\x00" + text)
        self.head, rest = whole[: whole.index(text) - 3], text
        before_seq, rest = rest.split(str(self.SEQ).encode())
        before_time, rest = rest.split(self.TIME.encode())
        before_soc, after = rest.split(b'"soc_pct":99')
        self.parts = before_seq, before_time, before_soc + b'"soc_pct":', after

    def at(self, mid: int, seq: int, moment: bytes, soc: int) -> bytes:
        before_seq, before_time, before_soc, after = self.parts
        return b"%b%b\x00%b%d%b%b%b%d%b" % (
            self.head, mid.to_bytes(2, "big"), before_seq, seq, before_time, moment, before_soc,
            soc, after,
        )  # fmt: skip


class Line:
    """One connection: what it has still to write, and how much of it the broker has taken."""

    def __init__(self, address: tuple[str, int], client_id: str) -> None:
        self.socket = socket.create_connection(address)
        self.socket.sendall(connect_packet(client_id))
        assert self.socket.recv(4096)[0] == 0x20, "the broker refused the load"
        self.socket.setblocking(False)
        self.waiting = b""
        self.mid = 0
        self.sent = self.taken = 0
        self._rest = 0

    def write(self) -> None:
        while self.waiting:
            try:
                self.waiting = self.waiting[self.socket.send(self.waiting) :]
            except BlockingIOError:
                return

    def read(self) -> None:
        """Count PUBACKs: four bytes each, nothing else comes on this connection."""
        data = self.socket.recv(262_144)
        assert data, "the broker closed the connection"
        self._rest += len(data)
        acks, self._rest = divmod(self._rest, 4)
        self.taken += acks


class Acks:
    """A connection of its own, on which the service tells every device what it has kept."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self.socket.sendall(connect_packet("bench-acks") + subscribe_packet("fleet/v1/down/+/ack"))
        self.socket.recv(4096)
        self.socket.setblocking(False)
        self.count = 0
        self._rest = b""
        self._fresh: list[tuple[int, int]] = []

    def read(self) -> None:
        data = self._rest + self.socket.recv(1_048_576)
        cut = data.rfind(b"}") + 1
        self._rest = data[cut:]
        for first, last in _ACKED.findall(data[:cut]):
            self._fresh.append((int(first), int(last)))
            self.count += int(last) - int(first) + 1

    def latencies(self, sent_at: dict[int, float], now: float) -> list[float]:
        """Seconds since each reading acked lately was sent."""
        found = [
            now - sent_at.pop(seq)
            for first, last in self._fresh
            for seq in range(first, last + 1)
            if seq in sent_at
        ]
        self._fresh.clear()
        return found


def moment(now: float) -> bytes:
    text = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return text.encode()


class Load:
    """Messages of `devices`, in turn, at `rate` a second or as fast as the window lets them."""

    def __init__(self, address: tuple[str, int], devices: range, wards: int = 50) -> None:
        self._templates = [Telemetry(f"cart-{n:06d}", n % wards) for n in devices]
        self._lines = [Line(address, f"bench-load-{devices.start}-{n}") for n in range(CONNECTIONS)]
        self._selector = selectors.DefaultSelector()
        for line in self._lines:
            self._selector.register(line.socket, selectors.EVENT_READ, line)
        self._next = self._messages()
        self.sent = 0
        self.sent_at: dict[int, float] = {}

    @property
    def taken(self) -> int:
        return sum(line.taken for line in self._lines)

    def _messages(self) -> Iterator[tuple[Telemetry, int, int]]:
        seq = time.time_ns() // SEQ_EVERY_NS
        while True:
            for template in self._templates:
                seq += 1
                yield template, seq, 40 + seq % 60

    def put(self, count: int, now: float, note: bool = False) -> None:
        """Give `count` more messages to the connections."""
        text = moment(now)
        for begin in range(0, count, CHUNK):
            line = min(self._lines, key=lambda each: len(each.waiting))
            parts = []
            for _ in range(min(CHUNK, count - begin)):
                template, seq, soc = next(self._next)
                line.mid = line.mid % 65_535 + 1
                parts.append(template.at(line.mid, seq, text, soc))
                if note:
                    self.sent_at[seq] = now
            line.waiting += b"".join(parts)
            line.sent += len(parts)
            self.sent += len(parts)

    def turn(self, timeout: float) -> None:
        for line in self._lines:
            line.write()
        for key, _ in self._selector.select(timeout):
            key.data.read()

    def register(self, acks: "Acks") -> None:
        self._selector.register(acks.socket, selectors.EVENT_READ, acks)

    def drain(self, done: "Acks | Progress", base: int, seconds: float) -> None:
        """Until all that was sent is done, or `seconds` have passed."""
        deadline = time.time() + seconds
        while done.count - base < self.sent and time.time() < deadline:
            self.turn(0.01)


class Progress:
    """A counter that a receiver without acks shares with the load, in a file of eight bytes."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "r+b")  # noqa: SIM115, PTH123  (mapped for the whole run)
        self._map = mmap.mmap(self._file.fileno(), 8)

    @property
    def count(self) -> int:
        return struct.unpack("<q", self._map[:8])[0]

    @count.setter
    def count(self, value: int) -> None:
        self._map[:8] = struct.pack("<q", value)


def run(load: Load, done: "Acks | Progress", rate: float | None, window: int, seconds: float,
        note: bool, warm_up: int) -> dict[str, Any]:  # fmt: skip
    """Closed loop: never more than `window` messages on the way; open if a rate is given."""
    latencies: list[float] = []
    noted_from = seconds / 4  # the first quarter fills the pipe
    if isinstance(done, Acks):
        load.register(done)
    load.put(warm_up, time.time())
    load.drain(done, 0, 60)
    begin = now = time.time()
    base, load.sent = done.count, 0
    marks: list[tuple[float, int]] = []
    while now < begin + seconds:
        way = window - (load.sent - (done.count - base))
        due = int((now - begin) * rate) - load.sent if rate else way
        if (count := min(due, way, 2_000)) > (0 if rate else CHUNK):
            load.put(count, now, note and now - begin > noted_from)
        load.turn(0.002)
        now = time.time()
        if isinstance(done, Acks):
            latencies += done.latencies(load.sent_at, now) if note else []
        if not marks or now - marks[-1][0] > 0.25:
            marks.append((now, done.count - base))
    end = time.time()
    load.drain(done, base, 30)
    start = marks[len(marks) // 4]
    return {
        "sent": load.sent,
        "warm_up": warm_up,
        "done": done.count - base,
        "rate": (marks[-1][1] - start[1]) / (marks[-1][0] - start[0]),
        "seconds": end - begin,
        "latencies_ms": quantiles(latencies),
    }


def catch_up(backlog: Load, fresh: Load, acks: Acks, queued: int, rate: float, window: int
             ) -> dict[str, Any]:  # fmt: skip
    """`queued` messages as fast as they are acked, beside them `rate` a second of other devices.

    `seconds`: until the last of the queued was acked, which is sent behind all others.
    """
    fresh.register(acks)
    begin = now = time.time()
    while backlog.sent < queued or acks.count < backlog.sent + fresh.sent:
        if backlog.sent < queued and (due := int((now - begin) * rate) - fresh.sent) > 0:
            fresh.put(due, now)
        way = window - (backlog.sent + fresh.sent - acks.count)
        if (count := min(way, queued - backlog.sent, 2_000)) > 0:
            backlog.put(count, now)
        backlog.turn(0)
        fresh.turn(0.002)
        now = time.time()
        assert now < begin + 600, "messages were never acked"
    return {"queued": queued, "fresh": fresh.sent, "seconds": now - begin}


def quantiles(seconds: list[float]) -> dict[str, float]:
    ranked = sorted(seconds)
    if not ranked:
        return {}
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {
        name: round(1000 * ranked[min(int(len(ranked) * part), len(ranked) - 1)], 1)
        for name, part in at.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--window", type=int, default=20_000)
    parser.add_argument("--progress", help="a receiver's counter; without it, acks are counted")
    parser.add_argument("--queued", type=int, help="so many to catch up with, beside the rate")
    asked = parser.parse_args()
    address = ("127.0.0.1", asked.port)
    if asked.queued:
        behind = asked.devices * 9 // 10
        loads = Load(address, range(behind)), Load(address, range(behind, asked.devices))
        done = Acks(address)
        json.dump(catch_up(*loads, done, asked.queued, asked.rate, asked.window), sys.stdout)
        return
    load = Load(address, range(asked.devices))
    done = Progress(asked.progress) if asked.progress else Acks(address)
    json.dump(
        run(
            load,
            done,
            asked.rate,
            asked.window,
            asked.seconds,
            note=bool(asked.rate),
            warm_up=asked.devices,
        ),
        sys.stdout,
    )


if __name__ == "__main__":
    main()
