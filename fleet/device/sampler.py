"""What the agent measures: taken when it is due, stamped, and kept until the service has it."""

import logging
from collections.abc import Callable
from datetime import datetime

import msgspec

from fleet.device.configuration import Configuration
from fleet.device.firmware import Firmware
from fleet.device.hardware import Hardware
from fleet.device.journal import Journal
from fleet.wire.messages import Reading, encode

log = logging.getLogger(__name__)


class Sampler:
    """One device's. `first_share`: how far into its first interval it waits, between 0 and 1.

    A ward that was switched on in one moment must not report in one moment ever after.
    """

    def __init__(
        self,
        device_id: str,
        journal: Journal,
        hardware: Hardware,
        configuration: Configuration,
        firmware: Firmware | None,
        clock: Callable[[], datetime],
        first_share: float,
    ) -> None:
        self._device_id = device_id
        self._journal, self._hardware = journal, hardware
        self._configuration, self._firmware = configuration, firmware
        self._clock = clock
        self.first_share = first_share
        self._booted_at: float | None = None
        self.due_at = 0.0
        """The next reading, in monotonic seconds."""

    def take(self, now: float) -> None:
        """What the protocol does not allow is logged and not kept: it would be refused for ever."""
        self.due_at = now + self.first_share * self._configuration.interval_s
        self.first_share = 1.0
        reading = self._measure()
        if reading.uptime_s is not None:
            self._booted_at = now - reading.uptime_s
        try:
            msgspec.json.decode(encode(reading), type=Reading)
        except msgspec.DecodeError:
            log.exception("%s measures what the protocol does not allow", self._device_id)
        else:
            self._journal.keep(reading)

    def interval_changed(self, now: float) -> None:
        self.due_at = min(self.due_at, now + self._configuration.interval_s)

    def uptime_s(self, now: float) -> int | None:
        return None if self._booted_at is None else int(now - self._booted_at)

    def _measure(self) -> Reading:
        now = self._clock()
        measured = self._hardware.sample(now, self._configuration.required_apps)
        if self._firmware is not None:
            self._firmware.measured(measured)
        measured.system.profile_generation = self._configuration.generation or None
        return Reading(
            seq=self._journal.next_seq(),
            ts=now,
            uptime_s=measured.uptime_s,
            clock=measured.clock,
            batteries=measured.batteries,
            location=measured.location,
            apps=measured.apps,
            system=measured.system,
        )
