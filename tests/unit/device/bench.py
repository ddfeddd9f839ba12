"""A bench for the agent: a link without a network and a machine without hardware, both honest."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Literal

import msgspec

from fleet.device.agent import Agent
from fleet.device.firmware import Firmware
from fleet.device.hardware import Identity, Measurements
from fleet.device.journal import Journal
from fleet.device.link import Connected, Event, Lost, Message, Unheard
from fleet.wire.digest import document_sha256
from fleet.wire.messages import (
    Ack,
    App,
    Battery,
    Desired,
    DesiredDocument,
    ProfileName,
    ReasonCode,
    Refusal,
    RequiredApp,
    Setting,
    System,
    Telemetry,
    encode,
)

DEVICE_ID = "cart-001"
START = datetime(2026, 11, 24, 6, 15, tzinfo=UTC)
INTERVAL_S = 30
ACK_TIMEOUT_S = 30.0


class BenchLink:
    """Keeps what is published while it is connected; the test plays the broker."""

    def __init__(self) -> None:
        self.is_connected = False
        self.reachable = True
        self.opened = 0
        self.will = b""
        self.subscribed: list[str] = []
        self.published: list[tuple[str, bytes, bool]] = []
        self._events: list[Event] = []

    def open(self, will: bytes) -> None:
        self.opened += 1
        if not self.reachable:
            raise OSError("nobody there")
        self.will = will

    def subscribe(self, topic_filter: str) -> None:
        self.subscribed.append(topic_filter)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        if self.is_connected:
            self.published.append((topic, payload, retain))

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        self.is_connected = False

    def accept(self) -> None:
        self.is_connected = True
        self._events.append(Connected())

    def break_off(self) -> None:
        self.is_connected = False
        self._events.append(Lost("broken off"))

    def find_nobody(self, channel: str) -> None:
        """The broker has taken the message, and knows no listener."""
        self._events.append(Unheard(f"fleet/v1/up/{DEVICE_ID}/{channel}"))

    def deliver(self, channel: str, payload: bytes) -> None:
        self._events.append(Message(f"fleet/v1/down/{DEVICE_ID}/{channel}", payload))

    def said(self, channel: str) -> list[dict[str, Any]]:
        """The messages of one channel so far, decoded, oldest first."""
        topic = f"fleet/v1/up/{DEVICE_ID}/{channel}"
        return [msgspec.json.decode(payload) for t, payload, _ in self.published if t == topic]


@dataclass
class BenchHardware:
    """A machine with one battery, some settings and some apps."""

    soc_pct: int = 71
    settings: dict[str, Setting] = field(default_factory=lambda: {"screen_timeout_s": 60})
    installed: dict[str, str] = field(default_factory=lambda: {"emar": "7.2.1"})
    refuses: dict[str, ReasonCode] = field(default_factory=dict)
    applications: list[tuple[str, Setting]] = field(default_factory=list)
    firmware: str | None = "4.1.0"
    status: Literal["charging", "discharging"] = "charging"
    idle_s: int = 3_600
    executed: list[str] = field(default_factory=list)
    cannot: dict[str, str] = field(default_factory=dict)
    """Commands, and why."""

    @property
    def identity(self) -> Identity:
        return Identity("medication_cart", "M40", "SN1", "Debian 12")

    def booted(self, version: str) -> None:
        self.firmware = version

    @property
    def supported_settings(self) -> frozenset[str]:
        return frozenset(self.settings)

    def sample(self, now: datetime, apps: Collection[str]) -> Measurements:
        return Measurements(
            batteries=[
                Battery(
                    soc_pct=self.soc_pct,
                    status=self.status,
                    power_source="mains" if self.status == "charging" else "none",
                )
            ],
            apps=[App(name) for name in apps],
            system=System(idle_s=self.idle_s),
        )

    def app_version(self, name: str) -> str | None:
        return self.installed.get(name)

    def setting(self, key: str) -> Setting | None:
        return self.settings.get(key)

    def execute(self, command: str) -> str | None:
        self.executed.append(command)
        return self.cannot.get(command)

    def apply_setting(self, key: str, value: Setting) -> ReasonCode | None:
        self.applications.append((key, value))
        if key not in self.settings:
            return "UNSUPPORTED"
        if key in self.refuses:
            return self.refuses[key]
        self.settings[key] = value
        return None


@cache
def _decoded(payload: bytes) -> Telemetry:
    """Once: a test asks after each tenth of a second for all that was ever said."""
    return msgspec.json.decode(payload, type=Telemetry)


class Bench:
    """One agent with everything around it, and a time that the test moves."""

    def __init__(
        self, path: Path, firmware: Firmware | None = None, **journal_options: Any
    ) -> None:
        self.link = BenchLink()
        self.hardware = BenchHardware()
        self.journal = Journal(path, START, synchronous="OFF", **journal_options)
        self.time = 1_000.0
        self.agent = Agent(
            DEVICE_ID,
            self.link,
            self.journal,
            self.hardware,
            rng=Random(7),
            clock=lambda: START + timedelta(seconds=self.time - 1_000.0),
            interval_s=INTERVAL_S,
            ack_timeout_s=ACK_TIMEOUT_S,
            firmware=firmware,
        )

    def tick(self) -> float:
        return self.agent.tick(self.time)

    def wait(self, seconds: float) -> None:
        """Let time pass as the loop does: the agent is called whenever it asked to be."""
        end = self.time + seconds
        while (due := max(self.tick(), self.time + 0.01)) < end:
            self.time = due
        self.time = end
        self.tick()

    def connect(self) -> None:
        self.tick()
        self.link.accept()
        self.tick()

    def deliver(self, channel: str, payload: bytes) -> None:
        self.link.deliver(channel, payload)
        self.tick()

    def ack(self, boot: int, *ranges: tuple[int, int], refused: Collection[Refusal] = ()) -> None:
        self.deliver("ack", encode(Ack(1, boot, list(ranges), list(refused))))

    def ack_everything(self) -> None:
        """As a service in good health: every telemetry message said so far is covered."""
        for telemetry in self.telemetry():
            seqs = [reading.seq for reading in telemetry.readings]
            self.ack(telemetry.boot, (min(seqs), max(seqs)))

    def telemetry(self) -> list[Telemetry]:
        """Decoded as strictly as the service does."""
        topic = f"fleet/v1/up/{DEVICE_ID}/telemetry"
        sent = [payload for t, payload, _ in self.link.published if t == topic]
        return [_decoded(payload) for payload in sent]

    def sent_seqs(self) -> list[list[int]]:
        return [[reading.seq for reading in t.readings] for t in self.telemetry()]

    def reported_items(self) -> dict[str, dict[str, Any]]:
        """The newest report, by path."""
        return {item["path"]: item for item in self.link.said("reported")[-1]["items"]}


@contextmanager
def bench_at(path: Path, **journal_options: Any) -> Iterator[Bench]:
    bench = Bench(path, **journal_options)
    try:
        yield bench
    finally:
        bench.agent.close()


def desired(
    generation: int,
    settings: dict[str, Setting] | None = None,
    apps: dict[str, str] | None = None,
    interval_s: int = INTERVAL_S,
    sha256: str | None = None,
) -> bytes:
    """A `desired` message as the service says it; its fingerprint is true unless given."""
    document = DesiredDocument(
        settings=settings or {},
        apps=[RequiredApp(name, version) for name, version in (apps or {}).items()],
        reporting_interval_s=interval_s,
    )
    fingerprint = sha256 or document_sha256(document)
    return encode(Desired(1, generation, fingerprint, ProfileName("cart", 1), document))
