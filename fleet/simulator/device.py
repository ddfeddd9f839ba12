"""Simulated hardware: what a cart or tablet measures in a made-up day, repeatable from a seed."""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from fleet.device.hardware import Identity, Measurements
from fleet.domain.words import DeviceKind
from fleet.simulator.battery import SimulatedPack, cycles_at
from fleet.simulator.habits import DAY, HABITS, HOUR
from fleet.simulator.life import Life
from fleet.simulator.memory import Memory, recall, save
from fleet.simulator.roster import Opening, Roster, RosterDevice
from fleet.simulator.settings import Panel
from fleet.wire.messages import App, Battery, Location, ReasonCode, Setting, System

STEP_S = 60.0
"""Simulated seconds between two looks at a device."""
LONGEST_PAUSE_S = DAY
"""Of a longer pause, only so much is lived through."""

_WEAR = (0.95, 1.8)
"""What packs of one build lose in a cycle, in times what it was built for."""
_OPENING_SOC = {
    Opening.IN_USE: (0.55, 0.90),
    Opening.CHARGING: (0.35, 0.65),
    Opening.LOW: (0.13, 0.22),
    Opening.DEAD_CHARGER: (0.40, 0.60),
}
_USUAL_SOC = (0.62, 0.99)
_OS = {DeviceKind.MEDICATION_CART: "Debian 12", DeviceKind.TABLET: "Android 14"}


class SimulatedHardware:
    """One device of a roster. `speed`: simulated seconds lived per second of the given time; at 0
    it lives nothing but what is done to it.

    `memory`: a file that carries charge, wear and settings over a restart. The methods from
    `set_soc` on are the faults and deeds that tests and demonstrations switch by hand.
    """

    def __init__(
        self,
        device: RosterDevice,
        roster: Roster,
        seed: int,
        *,
        speed: float = 1.0,
        memory: Path | None = None,
    ) -> None:
        self._device = device
        self._speed = speed
        self._memory = memory
        self._timezone = ZoneInfo(roster.site.timezone)
        self._rng = Random(f"{seed}/{device.device_id}")  # noqa: S311 - a simulation, not a secret
        self._ward = roster.ward(device.ward)
        self._network = roster.wards.index(self._ward)
        self._pack = _new_pack(device, self._rng)
        self._life = Life(HABITS[device.kind], self._pack, self._ward, self._rng)
        self._panel = Panel(device.lacks)
        self._uptime_before_s = self._rng.uniform(HOUR, 20 * DAY)
        self._crashes: list[float] = []
        self._silent = False
        self._booted: str | None = None
        self._hangs_in: set[str] = set()
        self._began: datetime | None = None
        self._sampled: datetime | None = None
        self._lived_s = 0.0
        self.executed: list[str] = []
        """Commands, in their order."""
        if not self._recall():
            self._life.begin(device.opening)

    # --- what the agent asks ----------------------------------------------------------------

    @property
    def identity(self) -> Identity:
        device = self._device
        return Identity(device.kind, device.model, device.serial, _OS[device.kind])

    @property
    def firmware(self) -> str | None:
        return self._booted or self._device.firmware

    def booted(self, version: str) -> None:
        self._booted = version

    def hangs_in(self, version: str) -> bool:
        """Whether this firmware does not come up on it."""
        return version in self._hangs_in

    @property
    def supported_settings(self) -> frozenset[str]:
        return self._panel.keys

    def sample(self, now: datetime, apps: Collection[str]) -> Measurements:
        self._live_until(now)
        return Measurements(
            batteries=[self._battery()],
            location=self._location(),
            apps=self._apps(apps),
            system=self._system(),
            uptime_s=int(self._uptime_before_s + (now - (self._began or now)).total_seconds()),
            clock="synced",
        )

    def app_version(self, name: str) -> str | None:
        return dict(self._device.apps).get(name)

    def setting(self, key: str) -> Setting | None:
        return self._panel.values.get(key)

    def apply_setting(self, key: str, value: Setting) -> ReasonCode | None:
        reason = self._panel.apply(key, value)
        self.save()
        return reason

    def execute(self, command: str) -> str | None:
        self.executed.append(command)
        return None

    @property
    def pack(self) -> SimulatedPack:
        return self._pack

    # --- what is done to it -----------------------------------------------------------------

    @property
    def is_reachable(self) -> bool:
        """Whether it has a network at this moment."""
        return not self._silent and self._life.out_of_range_s == 0

    def set_soc(self, percent: float) -> None:
        self._pack.set_soc(percent / 100)

    def plug_in(self, *, charger_works: bool = True) -> None:
        self._life.in_use = False
        self._life.plugged_in, self._life.charger_dead = True, not charger_works

    def unplug(self) -> None:
        self._life.plugged_in = self._life.charger_dead = False

    def leave_alone(self, for_s: float = HOUR) -> None:
        """Nobody has touched it for so long."""
        self._life.in_use, self._life.idle_s = False, for_s

    def crash_app(self, for_s: float = 2 * HOUR) -> None:
        """The app it is needed for goes down, for so many simulated seconds."""
        self._life.app_down_s = for_s
        self._crashes.append(self._lived_s)

    def restart_app(self) -> None:
        self._life.app_down_s = 0.0

    def change_setting(self, key: str, value: Setting) -> None:
        """Somebody turns a knob on the device. ValueError for a value that it does not take."""
        if reason := self._panel.apply(key, value):
            raise ValueError(f"{key} = {value!r}: {reason}")

    def hang_in(self, version: str) -> None:
        """From now on this firmware does not come up on it."""
        self._hangs_in.add(version)

    def go_silent(self) -> None:
        """Out of reach until `come_back`: it goes on measuring, and nobody hears it."""
        self._silent = True

    def come_back(self) -> None:
        self._silent = False
        self._life.out_of_range_s = 0.0

    def save(self) -> None:
        """Write down what a restart must not undo."""
        if self._memory is not None:
            pack, life = self._pack, self._life
            kept = Memory(pack.soc, pack.health, pack.cycles, life.plugged_in, self._panel.values)
            save(self._memory, kept)

    # --- how it lives -----------------------------------------------------------------------

    def _recall(self) -> bool:
        kept = recall(self._memory) if self._memory else None
        if kept is None:
            return False
        self._pack.health, self._pack.cycles = kept.health, kept.cycles
        self._pack.set_soc(kept.soc)
        self._life.plugged_in = kept.plugged_in
        self._panel.restore(kept.settings)
        return True

    def _live_until(self, now: datetime) -> None:
        if self._began is None or self._sampled is None:
            self._began = self._sampled = now
        elapsed_s = self._speed * max((now - self._sampled).total_seconds(), 0.0)
        self._sampled = now
        left_s = min(elapsed_s, LONGEST_PAUSE_S)
        while left_s > 0:
            step_s = min(left_s, STEP_S)
            self._live(step_s)
            left_s -= step_s
        self._power(0.0)

    def _live(self, seconds: float) -> None:
        app_was_up = self._life.app_down_s == 0
        fiddled = self._life.step(seconds, self._hour())
        if app_was_up and self._life.app_down_s > 0:
            self._crashes.append(self._lived_s)
        if fiddled:
            self._panel.fiddle(self._rng)
        self._power(seconds)
        self._lived_s += seconds

    def _power(self, seconds: float) -> None:
        load_w = self._life.load_w * self._rng.uniform(0.88, 1.12)
        self._pack.step(seconds, load_w, self._life.is_charged)

    def _hour(self) -> float:
        assert self._began is not None
        local = self._began.astimezone(self._timezone)
        return (local.hour + local.minute / 60 + self._lived_s / HOUR) % 24

    # --- what it measures -------------------------------------------------------------------

    def _battery(self) -> Battery:
        source = HABITS[self._device.kind].dock if self._life.plugged_in else "none"
        return self._pack.reading(source, charger_works=not self._life.charger_dead)

    def _location(self) -> Location:
        """One access point for each half of a ward."""
        half = self._ward.zones.index(self._life.zone) // 3
        high, low = divmod(self._network, 256)
        return Location(
            zone=self._life.zone.code,
            source="ble",
            ap_bssid=f"02:57:46:{high:02x}:{low:02x}:{half:02x}",
            rssi_dbm=round(self._rng.gauss(-66, 5)),
        )

    def _apps(self, required: Collection[str]) -> list[App]:
        installed = dict(self._device.apps)
        missing = [App(name, state="missing") for name in required if name not in installed]
        main, *others = self._device.apps
        down = self._life.app_down_s > 0
        recent = sum(1 for at in self._crashes if self._lived_s - at < DAY)
        return [
            App(main[0], main[1], "crashed" if down else "running", recent),
            *(App(name, version, "running", 0) for name, version in others),
            *missing,
        ]

    def _system(self) -> System:
        return System(
            firmware=self.firmware,
            os=_OS[self._device.kind],
            idle_s=int(self._life.idle_s),
            storage_free_mb=round(self._rng.gauss(9000, 40)),
            memory_free_mb=round(self._rng.gauss(900, 60)),
            wifi_rssi_dbm=round(self._rng.gauss(-58, 4)),
        )


def _new_pack(device: RosterDevice, rng: Random) -> SimulatedPack:
    """A pack as old as chance has it; as worn as it can be where the story opens with that."""
    worn = device.opening == Opening.WORN
    health = rng.uniform(0.60, 0.67) if worn else rng.uniform(0.82, 0.99)
    return SimulatedPack(
        HABITS[device.kind].builds[device.chemistry],
        serial=f"{device.chemistry[:2].upper()}-{rng.randrange(10**6):06d}",
        soc=rng.uniform(*_OPENING_SOC.get(device.opening, _USUAL_SOC)),
        health=health,
        cycles=cycles_at(device.chemistry, health),
        gauge_error=rng.uniform(-0.01, 0.01),
        ambient_c=rng.uniform(21.0, 24.5),
    ).worn_faster(rng.uniform(*_WEAR))
