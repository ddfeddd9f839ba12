"""The machine that the tests run on, and one that is made of files."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from fleet.device import linux
from fleet.device.apps import Apps, AppSpec
from fleet.device.linux import BRIGHTNESS, LinuxHardware
from fleet.domain.words import DeviceKind
from fleet.wire.messages import Reading, encode

NOW = datetime(2026, 11, 24, 6, 15, tzinfo=UTC)
WIRELESS = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlp3s0: 0000   52.  -58.  -256        0      0      0      0      0        0
"""

Put = Callable[[str, str], None]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    def put(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return put


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What commands print, by their words; any other command is missing."""
    printed: dict[str, str] = {}
    monkeypatch.setattr(linux, "output_of", lambda command: printed.get(" ".join(command)))
    return printed


def test_this_machine_can_be_measured_as_the_protocol_allows() -> None:
    measured = LinuxHardware().sample(NOW, ["init"])
    reading = Reading(
        1, NOW, measured.uptime_s, measured.clock, measured.batteries, measured.location,
        measured.apps, measured.system,
    )  # fmt: skip
    assert msgspec.json.decode(encode(reading), type=Reading) == reading
    assert measured.uptime_s
    assert measured.system.memory_free_mb


def test_a_machine_without_anything_is_measured_without_a_complaint(tmp_path: Path) -> None:
    hardware = LinuxHardware(root=tmp_path)
    measured = hardware.sample(NOW, [])
    assert measured.location is None
    assert measured.system.wifi_rssi_dbm is None
    assert hardware.supported_settings == frozenset()
    assert hardware.apply_setting(BRIGHTNESS, 50) == "UNSUPPORTED"
    assert hardware.setting(BRIGHTNESS) is None


def test_model_and_serial_come_from_the_firmware_tables(tmp_path: Path, put: Put) -> None:
    put("sys/class/dmi/id/product_name", "Latitude 7210\n")
    put("sys/class/dmi/id/product_serial", "\x00ABC\x07123\n")
    identity = LinuxHardware(DeviceKind.TABLET, root=tmp_path).identity
    assert (identity.kind, identity.model, identity.serial) == ("tablet", "Latitude 7210", "ABC123")


def test_the_access_point_and_its_level_are_found(
    tmp_path: Path, put: Put, commands: dict[str, str]
) -> None:
    put("proc/net/wireless", WIRELESS)
    commands["iw dev wlp3s0 link"] = "Connected to AA:bb:cc:dd:ee:ff (on wlp3s0)\n\tSSID: ward"
    measured = LinuxHardware(root=tmp_path).sample(NOW, [])
    assert measured.location is not None
    assert measured.location.ap_bssid == "aa:bb:cc:dd:ee:ff"
    assert measured.location.rssi_dbm == measured.system.wifi_rssi_dbm == -58


def test_without_iw_the_level_is_still_known(
    tmp_path: Path, put: Put, commands: dict[str, str]
) -> None:
    put("proc/net/wireless", WIRELESS)
    measured = LinuxHardware(root=tmp_path).sample(NOW, [])
    assert measured.location is None
    assert measured.system.wifi_rssi_dbm == -58


@pytest.mark.parametrize(
    ("facts", "idle_s"),
    [
        ("Type=wayland\nIdleHint=yes\nIdleSinceHint={since}", 90),
        ("Type=x11\nIdleHint=no\nIdleSinceHint={since}", 0),
        ("Type=wayland\nIdleHint=no\nIdleSinceHint=0", None),
        ("Type=tty\nIdleHint=yes\nIdleSinceHint={since}", None),
    ],
)
def test_idle_time_is_what_a_desktop_told_logind(
    tmp_path: Path, commands: dict[str, str], facts: str, idle_s: int | None
) -> None:
    commands["loginctl list-sessions --no-legend"] = "c1 1000 nurse seat0 tty2"
    since = int((NOW.timestamp() - 90) * 1_000_000)
    commands["loginctl show-session c1"] = facts.format(since=since)
    assert LinuxHardware(root=tmp_path).sample(NOW, []).system.idle_s == idle_s


def test_the_clock_is_synced_if_the_system_says_so(
    tmp_path: Path, put: Put, commands: dict[str, str]
) -> None:
    hardware = LinuxHardware(root=tmp_path)
    assert hardware.sample(NOW, []).clock is None
    commands["timedatectl show -p NTPSynchronized --value"] = "no"
    assert hardware.sample(NOW, []).clock == "unsynced"
    put("run/systemd/timesync/synchronized", "")
    assert hardware.sample(NOW, []).clock == "synced"


def test_brightness_is_truly_set_and_truly_read_back(tmp_path: Path, put: Put) -> None:
    put("sys/class/backlight/intel/brightness", "100")
    put("sys/class/backlight/intel/max_brightness", "1000")
    hardware = LinuxHardware(root=tmp_path)
    assert hardware.supported_settings == {BRIGHTNESS}
    assert hardware.setting(BRIGHTNESS) == 10
    assert hardware.apply_setting(BRIGHTNESS, 70) is None
    assert (tmp_path / "sys/class/backlight/intel/brightness").read_text() == "700"
    put("sys/class/backlight/intel/brightness", "250")
    assert hardware.setting(BRIGHTNESS) == 25


def test_a_panel_of_few_steps_is_not_taken_for_drift(tmp_path: Path, put: Put) -> None:
    put("sys/class/backlight/old/brightness", "1")
    put("sys/class/backlight/old/max_brightness", "7")
    hardware = LinuxHardware(root=tmp_path)
    hardware.apply_setting(BRIGHTNESS, 50)
    assert hardware.setting(BRIGHTNESS) == 50
    put("sys/class/backlight/old/brightness", "7")
    assert hardware.setting(BRIGHTNESS) == 100


@pytest.mark.parametrize("value", [0, 101, True, "bright", 50.0])
def test_a_brightness_that_is_none_is_refused(tmp_path: Path, put: Put, value: object) -> None:
    put("sys/class/backlight/intel/brightness", "100")
    put("sys/class/backlight/intel/max_brightness", "1000")
    hardware = LinuxHardware(root=tmp_path)
    assert hardware.apply_setting(BRIGHTNESS, value) == "INVALID_VALUE"  # type: ignore[arg-type]
    assert hardware.setting(BRIGHTNESS) == 10


def test_a_running_app_is_found_by_its_process() -> None:
    own = Path(f"/proc/{os.getpid()}/comm").read_text().strip()
    apps = {a.name: a for a in Apps([AppSpec("emar", own, ("echo", "7.2.1"))]).sample(["nowhere"])}
    assert (apps["emar"].state, apps["emar"].version) == ("running", "7.2.1")
    assert (apps["nowhere"].state, apps["nowhere"].version) == ("missing", None)
    assert apps["emar"].crashes_24h is None


def test_an_installed_app_that_does_not_run_is_stopped() -> None:
    (app,) = Apps([AppSpec("emar", "no-such-process", ("echo", "7.2.1"))]).sample([])
    assert app.state == "stopped"


def test_a_version_is_asked_for_again_only_after_a_while(tmp_path: Path) -> None:
    version = tmp_path / "version"
    version.write_text("1.0")
    now = [0.0]
    apps = Apps([AppSpec("emar", "emar", ("cat", str(version)))], lambda: now[0])
    assert apps.version("emar") == "1.0"
    version.write_text("2.0")
    assert apps.version("emar") == "1.0"
    now[0] = 601.0
    assert apps.version("emar") == "2.0"


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("emar", AppSpec("emar")),
        ("emar=emar-client", AppSpec("emar", "emar-client")),
        ("emar==emar --version", AppSpec("emar", "", ("emar", "--version"))),
    ],
)
def test_an_app_is_told_in_one_word_or_three(text: str, spec: AppSpec) -> None:
    assert AppSpec.parse(text) == spec


def test_an_app_without_a_name_is_none() -> None:
    with pytest.raises(ValueError, match="needs a name"):
        AppSpec.parse("=process")
