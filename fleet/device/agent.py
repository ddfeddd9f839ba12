"""The reference agent: one device, its connection, its journal, its hardware.

Everything happens in `tick`, on one thread: what the link has heard, what is due, what may be sent.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

import msgspec

from fleet.device.backlog import ACK_TIMEOUT_S, Backlog
from fleet.device.backoff import Backoff
from fleet.device.configuration import Configuration, anything
from fleet.device.firmware import Firmware
from fleet.device.hardware import Hardware
from fleet.device.journal import Journal
from fleet.device.link import Connected, Event, Link, Lost, Message, Unheard
from fleet.device.sampler import Sampler
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.wire import topics
from fleet.wire.messages import (
    PROTOCOL_VERSION,
    Ack,
    Answer,
    Birth,
    Command,
    Rebirth,
    ReportedItem,
    State,
    encode,
)

log = logging.getLogger(__name__)

AGENT = "wardfleet-agent/1"
CONNECT_TIMEOUT_S = 10.0
KEEP_ALIVE_EVERY_S = 10.0
REPORT_EVERY_S = 900.0
REPORT_AGAIN_WITHIN_S = 60.0


def wall_clock() -> datetime:
    return datetime.now(UTC)


class Agent:
    """Reports one device, and applies what it is told.

    `tick(now)` is to be called when the link has moved and when it is due; `now` is monotonic
    seconds and decides when things happen, `clock` only stamps them: a clock that jumps delays
    nothing.
    """

    def __init__(
        self,
        device_id: str,
        link: Link,
        journal: Journal,
        hardware: Hardware,
        *,
        rng: Random,
        clock: Callable[[], datetime] = wall_clock,
        interval_s: int = DEFAULT_INTERVAL_S,
        ack_timeout_s: float = ACK_TIMEOUT_S,
        firmware: Firmware | None = None,
        reboot: Callable[[], None] | None = None,
    ) -> None:
        self._device_id = device_id
        self._link = link
        self._journal = journal
        self._hardware = hardware
        self._clock = clock
        self._firmware, self._reboot = firmware, reboot
        permit = firmware.permit if firmware else anything
        self._configuration = Configuration(journal, hardware, interval_s, permit)
        if firmware is not None:
            firmware.attach(hardware, journal, self._publish, clock)
        self._rng = rng
        self._sampler = Sampler(
            device_id, journal, hardware, self._configuration, firmware, clock, rng.random()
        )
        self._backlog = Backlog(
            journal, self._send_telemetry, rng, ack_timeout_s, self._sampler.uptime_s
        )
        self._backoff = Backoff(rng)
        self._session = 0
        self._reported: list[ReportedItem] | None = None
        self._connect_at = self._report_at = 0.0
        self._connected_at: float | None = None
        self._is_unheard = False
        """What we said of ourselves found no listener."""

    def __str__(self) -> str:
        return self._device_id

    @property
    def is_connected(self) -> bool:
        return self._link.is_connected

    @property
    def unacked(self) -> int:
        """Readings kept until the service has them."""
        return len(self._journal)

    def tick(self, now: float) -> float:
        """Do what is due; returns when to be called again at the latest."""
        for event in self._link.take_events():
            self._hear(event, now)
        if now >= self._sampler.due_at:
            self._sample(now)
        firmware_due = self._tick_firmware(now)
        if not self._link.is_connected:
            return min(self._tick_unconnected(now), firmware_due)
        self._link.keep_alive()
        if now >= self._report_at:
            self._report(now)
        look_again = self._backlog.pump(now)
        due = min(look_again, self._sampler.due_at, self._report_at, now + KEEP_ALIVE_EVERY_S)
        return min(due, firmware_due)

    def close(self) -> None:
        """A clean stop."""
        self._hang_up()
        self._journal.close()

    def _tick_firmware(self, now: float) -> float:
        """In seconds as `tick`. A machine that starts anew begins a new boot and connects again."""
        if self._firmware is None:
            return now + KEEP_ALIVE_EVERY_S
        due = self._firmware.tick(now)
        if not self._firmware.wants_restart:
            return due
        self._hang_up()
        if self._reboot is not None:
            self._reboot()
        self._journal.raise_boot(self._journal.boot + 1)
        self._firmware.start()
        self._connect_at = now + self._backoff.next_wait()
        return now

    def _hang_up(self) -> None:
        """A stopped device is not online, and says so itself."""
        if self._link.is_connected:
            self._publish(
                "state", encode(State(False, self._session, self._journal.boot)), retain=True
            )
        self._link.close()

    # --- the connection ---------------------------------------------------------------------

    def _tick_unconnected(self, now: float) -> float:
        if now >= self._connect_at:
            self._connect(now)
        return min(self._connect_at, self._sampler.due_at)

    def _connect(self, now: float) -> None:
        self._session = self._journal.next_session()
        try:
            self._link.open(will=encode(State(False, self._session, self._journal.boot)))
            self._connect_at = now + CONNECT_TIMEOUT_S + self._backoff.next_wait()
        except OSError as error:
            log.debug("%s: no connection: %s", self._device_id, error)
            self._connect_at = now + self._backoff.next_wait()

    def _hear(self, event: Event, now: float) -> None:
        """A fault in one event must not swallow the ones that wait behind it."""
        try:
            self._on_event(event, now)
        except Exception:
            log.exception("%s: %s", self._device_id, type(event).__name__)

    def _on_event(self, event: Event, now: float) -> None:
        match event:
            case Connected():
                self._connected_at = now
                self._link.subscribe(topics.down(self._device_id, "#"))
                self._say_who_i_am(now)
                self._backlog.restart()
            case Lost(reason):
                log.debug("%s: connection lost: %s", self._device_id, reason)
                if self._connected_at is not None:
                    self._backoff.held_for(now - self._connected_at)
                self._connected_at = None
                self._connect_at = now + self._backoff.next_wait()
            case Message(topic, payload):
                self._on_message(topic, payload, now)
            case Unheard(topic):
                self._is_unheard |= topic.endswith(("/birth", "/reported"))

    def _on_message(self, topic: str, payload: bytes, now: float) -> None:
        try:
            match topic.removeprefix(topics.down(self._device_id, "")):
                case "ack":
                    self._on_ack(msgspec.json.decode(payload, type=Ack), now)
                case "desired":
                    self._on_desired(payload, now)
                case "cmd/locate" | "cmd/lock" | "cmd/reboot" | "cmd/refresh" as channel:
                    command = msgspec.json.decode(payload, type=Command)
                    self._on_command(channel.removeprefix("cmd/"), command, now)
                case "rebirth":
                    self._on_rebirth(msgspec.json.decode(payload, type=Rebirth), now)
                case "job" if self._firmware is not None:
                    self._firmware.on_job(payload)
                case "trust" if self._firmware is not None:
                    self._firmware.on_trust(payload)
        except msgspec.DecodeError as error:
            log.warning("%s: %s cannot be read: %s", self._device_id, topic, error)

    # --- what is said -----------------------------------------------------------------------

    def _say_who_i_am(self, now: float) -> None:
        self._is_unheard = False
        identity = self._hardware.identity
        birth = Birth(
            v=PROTOCOL_VERSION,
            boot=self._journal.boot,
            session=self._session,
            agent=AGENT,
            kind=identity.kind,
            model=identity.model,
            serial=identity.serial,
            firmware=self._hardware.firmware,
            os=identity.os,
            settings=sorted(self._hardware.supported_settings),
        )
        self._publish("birth", encode(birth))
        self._publish("state", encode(State(True, self._session, self._journal.boot)), retain=True)
        self._report(now)
        if self._firmware is not None:
            self._firmware.connected()

    def _report(self, now: float) -> None:
        report = self._configuration.report()
        self._publish("reported", encode(report))
        self._reported = report.items
        self._report_at = now + REPORT_EVERY_S

    def _sample(self, now: float) -> None:
        """A setting that has changed by itself is reported at once."""
        self._sampler.take(now)
        if self._reported is not None and self._configuration.items() != self._reported:
            self._report_at = now

    def _send_telemetry(self, payload: bytes) -> None:
        self._publish("telemetry", payload)

    def _publish(self, channel: str, payload: bytes, retain: bool = False) -> None:
        self._link.publish(topics.up(self._device_id, channel), payload, retain)

    # --- what is heard ----------------------------------------------------------------------

    def _on_ack(self, ack: Ack, now: float) -> None:
        """The service listens (again); after a silence it may have missed our last report."""
        for refusal in ack.refused:
            log.warning("%s: reading %d refused: %s", self._device_id, refusal.seq, refusal.reason)
        if self._backlog.acked(ack, now):
            soon = now + self._rng.uniform(0, REPORT_AGAIN_WITHIN_S)
            self._report_at = min(self._report_at, soon)
        if self._firmware is not None:
            self._firmware.heard()
        if self._is_unheard:
            self._say_who_i_am(now)

    def _on_desired(self, payload: bytes, now: float) -> None:
        if self._configuration.adopt(payload, self._clock()):
            self._sampler.interval_changed(now)
            self._report(now)

    def _on_command(self, name: str, command: Command, now: float) -> None:
        """Once, however often it comes."""
        what = f"command {command.id} ({name}), request {command.request_id or 'unknown'}"
        if not self._journal.is_new_command(command.id):
            log.info("%s: %s came again", self._device_id, what)
            return
        log.info("%s: %s", self._device_id, what)
        problem = None
        if name == "refresh":
            self._sample(now)
            self._say_who_i_am(now)
        else:
            problem = self._hardware.execute(name)
        answer = Answer(PROTOCOL_VERSION, command.id, problem is None, problem)
        self._publish("cmd", encode(answer))

    def _on_rebirth(self, rebirth: Rebirth, now: float) -> None:
        if rebirth.min_boot is not None:
            self._journal.raise_boot(rebirth.min_boot)
        self._say_who_i_am(now)
