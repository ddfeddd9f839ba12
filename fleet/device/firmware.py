"""The agent's firmware and trust: what it was told, what runs, and what it says about that."""

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec

from fleet.device.disk import Disk, RealDisk
from fleet.device.fetch import Fetcher
from fleet.device.hardware import Hardware, Measurements
from fleet.device.job import Condition, Job
from fleet.device.journal import Journal
from fleet.device.slots import Slots
from fleet.device.trusted import Trusted
from fleet.device.updater import Updater
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused
from fleet.wire.firmware import JobReport, Offer, TrustChain
from fleet.wire.messages import PROTOCOL_VERSION, Desired, encode

log = logging.getLogger(__name__)

IDLE_AFTER_S = 300
Publish = Callable[[str, bytes], None]
Boot = Callable[[Slots], object]


class Firmware:
    """One device's. `server`: the service's address, `http://host:port`.

    `boot` is what the boot loader does; a simulated device may come up badly in it. `attach` once,
    before everything else.
    """

    def __init__(
        self,
        device_id: str,
        folder: Path,
        fetcher: Fetcher,
        server: str,
        *,
        disk: Disk | None = None,
        boot: Boot = Slots.boot,
    ) -> None:
        self._disk, self._folder = disk or RealDisk(), folder
        self.device_id = device_id
        self.slots = Slots(self._disk, folder)
        self.trusted = Trusted(self._disk, folder)
        self._boot = boot
        self._remake = lambda: Updater(
            self._disk, folder, self.slots, self.trusted, fetcher, server
        )
        self.updater = self._remake()
        self._measured = Measurements()
        self.wants_restart = False

    def attach(
        self,
        hardware: Hardware,
        journal: Journal,
        publish: Publish,
        clock: Callable[[], datetime],
    ) -> None:
        self._hardware, self._journal = hardware, journal
        self._publish, self._now = publish, clock
        self.start()

    def start(self) -> None:
        """The machine starts: which slot, and what was it about?"""
        self.wants_restart = False
        self._boot(self.slots)
        if self.slots.running is not None:
            self._hardware.booted(self.slots.running.version)
        self.updater = self._remake()

    def tick(self, now: float) -> float:
        return self.updater.tick(now, self)

    def measured(self, measured: Measurements) -> None:
        self._measured = measured

    def connected(self) -> None:
        self.updater.tell(self)

    def heard(self) -> None:
        self.updater.heard(self)

    def on_job(self, payload: bytes) -> None:
        """Raises msgspec.DecodeError."""
        offer = msgspec.json.decode(payload or b"null", type=Offer | None)
        self.updater.offered(offer, self)

    def on_trust(self, payload: bytes) -> None:
        """Raises msgspec.DecodeError."""
        chain = msgspec.json.decode(payload, type=TrustChain).chain
        try:
            self.trusted.follow(chain)
        except Refused as refusal:
            log.warning("%s: trust is not followed: %s", self.device_id, refusal)

    def anchor(self, trust: bytes) -> None:
        """The first trust document, by hand. Raises Refused."""
        self.trusted.anchor(read_envelope(trust))

    def permit(self, desired: Desired, now: datetime) -> None:
        """For `Configuration`: unsigned as before, until there is a trust document."""
        if self.trusted.is_on:
            self.trusted.profile(desired, self.device_id, now)

    # --- what the updater asks --------------------------------------------------------------

    @property
    def hardware_id(self) -> str | None:
        return self._hardware.identity.model

    def clock(self) -> datetime:
        return self._now()

    def condition(self) -> Condition:
        batteries, idle_s = self._measured.batteries, self._measured.system.idle_s
        charges = [battery.soc_pct for battery in batteries if battery.soc_pct is not None]
        sources = [battery.power_source for battery in batteries if battery.power_source]
        return Condition(
            soc_pct=min(charges) if charges else None,
            on_mains=any(source != "none" for source in sources) if sources else None,
            is_idle=idle_s >= IDLE_AFTER_S if idle_s is not None else None,
        )

    def report_job(self, job: Job, progress_pct: int | None) -> None:
        report = JobReport(
            v=PROTOCOL_VERSION,
            boot=self._journal.boot,
            seq=self._journal.next_report_seq(),
            state=job.state,
            reason=job.reason,
            detail=job.detail and job.detail[:256],
            progress_pct=progress_pct,
            firmware=self._hardware.firmware,
        )
        self._publish(f"job/{job.offer.job_id}", encode(report))

    def restart(self) -> None:
        self.wants_restart = True
