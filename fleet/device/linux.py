"""Real hardware: the Linux laptop, tablet or cart that the agent runs on."""

import platform
import re
import shutil
import time
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import psutil

from fleet.device import power_supply
from fleet.device.apps import Apps, AppSpec
from fleet.device.backlight import Backlight
from fleet.device.hardware import Identity, Measurements
from fleet.device.probe import label, output_of, read_text
from fleet.domain.words import DeviceKind
from fleet.wire.messages import Location, ReasonCode, Setting, System

BRIGHTNESS = "screen_brightness_pct"
_BSSID = re.compile(r"Connected to ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})", re.IGNORECASE)
_MIB = 1024 * 1024


class LinuxHardware:
    """Measures the machine under `root` ("/" but in tests), and looks after the given apps."""

    def __init__(
        self, kind: DeviceKind | None = None, apps: Sequence[AppSpec] = (), root: Path = Path("/")
    ) -> None:
        self._kind = kind
        self._root = root
        self._apps = Apps(apps)
        self._backlight = Backlight(root / "sys/class/backlight")
        self._release = _os_release()
        self._booted: str | None = None

    @property
    def identity(self) -> Identity:
        dmi, tree = self._root / "sys/class/dmi/id", self._root / "proc/device-tree"
        return Identity(
            kind=self._kind,
            model=label(read_text(dmi / "product_name") or read_text(tree / "model")),
            serial=label(read_text(dmi / "product_serial") or read_text(tree / "serial-number")),
            os=label(self._release.get("PRETTY_NAME")),
        )

    @property
    def firmware(self) -> str | None:
        """The version of the system image, where the machine was installed from one."""
        return self._booted or label(self._release.get("IMAGE_VERSION"))

    def booted(self, version: str) -> None:
        self._booted = version

    @property
    def supported_settings(self) -> frozenset[str]:
        return frozenset({BRIGHTNESS}) if self._backlight.is_there else frozenset()

    def sample(self, now: datetime, apps: Collection[str]) -> Measurements:
        interface, rssi_dbm = self._wifi()
        return Measurements(
            batteries=power_supply.batteries(self._root / "sys/class/power_supply"),
            location=_access_point(interface, rssi_dbm) if interface else None,
            apps=self._apps.sample(apps),
            system=System(
                firmware=self.firmware,
                os=label(self._release.get("PRETTY_NAME")),
                idle_s=_idle_s(now),
                storage_free_mb=_storage_free_mb(),
                memory_free_mb=psutil.virtual_memory().available // _MIB,
                wifi_rssi_dbm=rssi_dbm,
            ),
            uptime_s=int(time.clock_gettime(time.CLOCK_BOOTTIME)),
            clock=self._clock(),
        )

    def app_version(self, name: str) -> str | None:
        return self._apps.version(name)

    def setting(self, key: str) -> Setting | None:
        return self._backlight.percent() if key == BRIGHTNESS else None

    def apply_setting(self, key: str, value: Setting) -> ReasonCode | None:
        return self._backlight.set_percent(value) if key == BRIGHTNESS else "UNSUPPORTED"

    def execute(self, command: str) -> str | None:
        """The bell of the console, the lock of every session, or a restart by systemd."""
        if command == "locate":
            return _ring()
        words = {"lock": ["loginctl", "lock-sessions"], "reboot": ["systemctl", "reboot"]}[command]
        done = output_of(words) is not None
        return None if done else f"{' '.join(words)} failed"

    def _wifi(self) -> tuple[str | None, int | None]:
        """Interface and signal level of the first line of /proc/net/wireless below its heading."""
        lines = (read_text(self._root / "proc/net/wireless") or "").splitlines()[2:]
        for line in lines:
            name, _, values = line.partition(":")
            try:
                level = round(float(values.split()[2]))
            except (IndexError, ValueError):
                continue
            # Drivers without a dBm scale count upwards from 0.
            return name.strip(), level if -150 <= level < 0 else None
        return None, None

    def _clock(self) -> Literal["synced", "unsynced"] | None:
        if (self._root / "run/systemd/timesync/synchronized").exists():
            return "synced"
        told = output_of(["timedatectl", "show", "-p", "NTPSynchronized", "--value"])
        if told not in ("yes", "no"):
            return None
        return "synced" if told == "yes" else "unsynced"


def _access_point(interface: str, rssi_dbm: int | None) -> Location | None:
    found = _BSSID.search(output_of(["iw", "dev", interface, "link"]) or "")
    if not found:
        return None
    return Location(source="wifi", ap_bssid=found[1].lower(), rssi_dbm=rssi_dbm)


def _idle_s(now: datetime) -> int | None:
    """Seconds since a person touched the most recently used graphical session, by logind's word."""
    sessions = output_of(["loginctl", "list-sessions", "--no-legend"])
    idles = [_session_idle_s(line.split()[0], now) for line in (sessions or "").splitlines()]
    return min((idle for idle in idles if idle is not None), default=None)


def _session_idle_s(session: str, now: datetime) -> int | None:
    """None for sessions without a screen, and for those whose desktop never tells."""
    told = output_of(["loginctl", "show-session", session]) or ""
    facts = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    since_us = facts.get("IdleSinceHint", "0")
    if facts.get("Type") not in ("x11", "wayland") or not since_us.isdigit() or since_us == "0":
        return None
    if facts.get("IdleHint") != "yes":
        return 0
    return max(int(now.timestamp() - int(since_us) / 1_000_000), 0)


def _ring() -> str | None:
    try:
        Path("/dev/console").write_text("\a")
    except OSError as error:
        return f"the console does not ring: {error.strerror}"
    return None


def _storage_free_mb() -> int | None:
    try:
        return shutil.disk_usage("/").free // _MIB
    except OSError:
        return None


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
