"""A whole roster of real agents over simulated hardware, in one process and one thread."""

import logging
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from threading import Event as StopEvent

from fleet.device.agent import Agent, wall_clock
from fleet.device.backlog import ACK_TIMEOUT_S
from fleet.device.credentials import Credentials
from fleet.device.fetch import Fetcher
from fleet.device.firmware import Firmware
from fleet.device.journal import Journal
from fleet.device.link import WILL_DELAY_S, Event, MqttLink
from fleet.device.loop import Loop
from fleet.device.run import DEFAULT_SERVER
from fleet.device.slots import Slots
from fleet.domain.presence import DEFAULT_INTERVAL_S
from fleet.simulator.device import SimulatedHardware
from fleet.simulator.roster import DEFAULT_SEED, Roster, RosterDevice
from fleet.wire import topics
from fleet.wire.tls import TlsFiles

log = logging.getLogger(__name__)

DEMO_SPEED = 20.0
CONNECTS_PER_S = 100.0
FILES_PER_DEVICE = 3
"""A socket, a journal and its write-ahead log."""
FILES_BESIDES = 64
FETCH_AT_ONCE = 4
"""Devices that ask for a part of a file at the same moment."""


class RadioLink(MqttLink):
    """A connection that breaks when its device goes out of range."""

    def __init__(
        self,
        client_id: str,
        url: str,
        in_range: Callable[[], bool],
        delay_s: int,
        tls: TlsFiles | None,
    ) -> None:
        will_topic = topics.up(client_id, "state")
        super().__init__(client_id, url, will_topic, will_delay_s=delay_s, tls=tls)
        self._in_range = in_range

    def open(self, will: bytes) -> None:
        if not self._in_range():
            raise OSError("out of range")
        super().open(will)

    def take_events(self) -> list[Event]:
        if not self._in_range():
            self.drop()
        return super().take_events()


class Fleet:
    """Every device of a roster as an agent with a connection of its own.

    `hardware` and `agents`, by device id: to set the stage while the fleet runs, and to look on.
    Journals, keys and certificates lie in `state_dir`; journals are not forced to the disk, which
    hundreds of devices share. `server` and `trust`: as in `device.run`.
    ValueError where the machine does not allow so many connections.
    """

    def __init__(
        self,
        roster: Roster,
        mqtt_url: str,
        state_dir: Path,
        *,
        seed: int = DEFAULT_SEED,
        speed: float = DEMO_SPEED,
        interval_s: int = DEFAULT_INTERVAL_S,
        ack_timeout_s: float = ACK_TIMEOUT_S,
        will_delay_s: int = WILL_DELAY_S,
        server: str = DEFAULT_SERVER,
        trust: bytes | None = None,
    ) -> None:
        self._server, self._trust = server, trust
        ca = Credentials(state_dir, roster.devices[0].device_id).trusted()
        self._fetcher = Fetcher(ThreadPoolExecutor(FETCH_AT_ONCE, "fetch"), ca)
        allow_open_files(FILES_PER_DEVICE * len(roster.devices) + FILES_BESIDES)
        state_dir.mkdir(parents=True, exist_ok=True)
        self._url, self._state_dir, self._seed = mqtt_url, state_dir, seed
        self._interval_s, self._ack_timeout_s = interval_s, ack_timeout_s
        self._will_delay_s = will_delay_s
        self._loop = Loop()
        self.agents: dict[str, Agent] = {}
        self.hardware = {
            device.device_id: SimulatedHardware(
                device,
                roster,
                seed,
                speed=speed,
                memory=state_dir / f"{device.device_id}.hardware.json",
            )
            for device in roster.devices
        }
        start = time.monotonic()
        for number, device in enumerate(roster.devices):
            self._add(device, start + number / CONNECTS_PER_S)

    def run(self, stop: StopEvent) -> None:
        """Until `stop` is set; then every device says that it is off, and what it is, is saved."""
        log.info("%d simulated devices report to %s", len(self.agents), self._url)
        try:
            self._loop.run(stop)
        finally:
            self._close()

    def _add(self, device: RosterDevice, due: float) -> None:
        device_id = device.device_id
        hardware = self.hardware[device_id]
        link = RadioLink(
            device_id,
            self._url,
            lambda: hardware.is_reachable,
            self._will_delay_s,
            Credentials(self._state_dir, device_id).tls(),
        )
        agent = Agent(
            device_id,
            link,
            Journal(self._state_dir / f"{device_id}.journal", wall_clock(), synchronous="OFF"),
            hardware,
            rng=Random(f"{self._seed}/{device_id}/agent"),  # noqa: S311 - a simulation
            interval_s=self._interval_s,
            ack_timeout_s=self._ack_timeout_s,
            firmware=self._firmware(device_id, hardware),
        )
        self.agents[device_id] = agent
        self._loop.add(agent, link, due)

    def _firmware(self, device_id: str, hardware: SimulatedHardware) -> Firmware | None:
        """As `device.run` has it; an image that does not come up hangs until it is reset."""
        folder = self._state_dir / f"{device_id}.firmware"
        if self._trust is None and not folder.exists():
            return None

        def boot(slots: Slots) -> None:
            while (running := slots.boot()) is not None and hardware.hangs_in(running.version):
                log.info("%s hangs in %s", device_id, running.version)

        firmware = Firmware(device_id, folder, self._fetcher, self._server, boot=boot)
        if self._trust is not None and not firmware.trusted.is_on:
            firmware.anchor(self._trust)
        return firmware

    def _close(self) -> None:
        for agent in self.agents.values():
            agent.close()
        for hardware in self.hardware.values():
            hardware.save()
        self._loop.close()


def run_fleet(
    roster: Roster,
    mqtt_url: str,
    state_dir: Path,
    stop: StopEvent,
    *,
    seed: int = DEFAULT_SEED,
    speed: float = DEMO_SPEED,
    interval_s: int = DEFAULT_INTERVAL_S,
    server: str = DEFAULT_SERVER,
    trust: bytes | None = None,
) -> None:
    """Run the roster against `mqtts://host:port` until `stop` is set."""
    Fleet(
        roster, mqtt_url, state_dir,
        seed=seed, speed=speed, interval_s=interval_s, server=server, trust=trust,
    ).run(stop)  # fmt: skip


def allow_open_files(needed: int) -> None:
    """Raise this process's limit of open files as far as it takes; ValueError where it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ValueError(f"{needed} open files are needed, {hard} allowed: see ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
