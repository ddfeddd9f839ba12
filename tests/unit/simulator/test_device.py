"""A simulated device: repeatable from its seed, alive, and open to deeds by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from fleet.device.hardware import Hardware, Measurements
from fleet.simulator.device import SimulatedHardware
from fleet.simulator.roster import Opening, RosterDevice, demo_roster
from fleet.simulator.settings import KNOBS
from fleet.wire.messages import Battery, Reading, encode

NOW = datetime(2026, 11, 24, 6, 15, tzinfo=UTC)
ROSTER = demo_roster()


def first(opening: Opening) -> RosterDevice:
    return next(d for d in ROSTER.devices if d.opening == opening)


def hardware(
    device: RosterDevice | None = None,
    *,
    speed: float = 0,
    memory: Path | None = None,
    seed: int = 1,
) -> SimulatedHardware:
    return SimulatedHardware(
        device or first(Opening.PARKED), ROSTER, seed, speed=speed, memory=memory
    )


def a_day(simulated: SimulatedHardware, reports: int = 200) -> list[Measurements]:
    return [simulated.sample(NOW + timedelta(seconds=30 * n), ["emar"]) for n in range(reports)]


def battery(simulated: SimulatedHardware) -> Battery:
    return simulated.sample(NOW, []).batteries[0]


def test_it_is_hardware_to_the_agent() -> None:
    simulated: Hardware = hardware()
    assert simulated.identity.model


@pytest.mark.parametrize("device", ROSTER.devices[::7], ids=lambda d: d.device_id)
def test_the_same_seed_and_times_give_the_same_readings(device: RosterDevice) -> None:
    assert a_day(hardware(device, speed=20)) == a_day(hardware(device, speed=20))


def test_another_seed_gives_another_day() -> None:
    assert a_day(hardware(speed=20, seed=1)) != a_day(hardware(speed=20, seed=2))


def test_every_reading_is_one_that_the_protocol_allows() -> None:
    for device in ROSTER.devices[::3]:
        for seq, m in enumerate(a_day(hardware(device, speed=100), reports=60)):
            reading = Reading(
                seq, NOW, m.uptime_s, m.clock, m.batteries, m.location, m.apps, m.system
            )
            assert msgspec.json.decode(encode(reading), type=Reading) == reading


def test_values_move_within_a_minute() -> None:
    before, _, after = a_day(hardware(first(Opening.CHARGING), speed=20), reports=3)
    assert before.batteries[0].soc_pct != after.batteries[0].soc_pct
    assert before.batteries[0].voltage_mv != after.batteries[0].voltage_mv


def test_speed_makes_more_of_the_same_time() -> None:
    charged = {}
    for speed in (1, 20):
        device = hardware(first(Opening.CHARGING), speed=speed)
        moved = a_day(device, reports=6)
        charged[speed] = (moved[-1].batteries[0].remaining_mah or 0) - (
            moved[0].batteries[0].remaining_mah or 0
        )
    assert charged[20] == pytest.approx(20 * charged[1], rel=0.05)


def test_a_clock_that_goes_back_is_survived() -> None:
    simulated = hardware(speed=20)
    simulated.sample(NOW, [])
    simulated.sample(NOW - timedelta(days=400), [])
    assert simulated.sample(NOW - timedelta(days=400, seconds=-30), []).batteries


def test_zones_are_those_of_the_home_ward() -> None:
    device = first(Opening.IN_USE)
    codes = {zone.code for zone in ROSTER.ward(device.ward).zones}
    seen = {m.location.zone for m in a_day(hardware(device, speed=20)) if m.location}
    assert len(seen) >= 3
    assert seen <= codes


@pytest.mark.parametrize(
    ("opening", "status", "source"),
    [
        (Opening.PARKED, "discharging", "none"),
        (Opening.CHARGING, "charging", "mains"),
        (Opening.DEAD_CHARGER, "discharging", "mains"),
    ],
)
def test_the_story_opens_as_the_roster_says(opening: Opening, status: str, source: str) -> None:
    told = battery(hardware(first(opening)))
    assert (told.status, told.power_source) == (status, source)


def test_a_low_one_is_low_a_worn_one_is_worn_and_a_broken_one_does_not_run() -> None:
    assert (battery(hardware(first(Opening.LOW))).soc_pct or 99) < 25
    worn = battery(hardware(first(Opening.WORN)))
    assert worn.full_charge_mah is not None
    assert worn.design_mah is not None
    assert worn.full_charge_mah < 0.7 * worn.design_mah
    assert hardware(first(Opening.APP_DOWN)).sample(NOW, []).apps[0].state == "crashed"


def test_one_that_will_leave_is_heard_of_first() -> None:
    simulated = hardware(first(Opening.OUT_OF_RANGE), speed=20)
    reachable = []
    for n in range(60):
        simulated.sample(NOW + timedelta(seconds=30 * n), [])
        reachable.append(simulated.is_reachable)
    assert reachable[0]
    assert reachable.count(False) >= 8


def test_charge_and_plug_obey_the_hand() -> None:
    simulated = hardware()
    simulated.set_soc(12)
    assert battery(simulated).soc_pct == 12
    simulated.plug_in()
    assert battery(simulated).status == "charging"
    simulated.plug_in(charger_works=False)
    assert battery(simulated).status == "discharging"
    assert battery(simulated).power_source == "mains"
    simulated.unplug()
    assert battery(simulated).power_source == "none"


def test_at_speed_zero_nothing_happens_by_itself() -> None:
    simulated = hardware()
    simulated.set_soc(12)
    charges = {m.batteries[0].soc_pct for m in a_day(simulated)}
    assert charges == {12}


def test_an_app_crashes_and_comes_back_and_the_crash_is_counted() -> None:
    simulated = hardware()
    simulated.crash_app()
    app = simulated.sample(NOW, []).apps[0]
    assert (app.name, app.state, app.crashes_24h) == ("emar", "crashed", 1)
    simulated.restart_app()
    app = simulated.sample(NOW, []).apps[0]
    assert (app.state, app.crashes_24h) == ("running", 1)


def test_a_crashed_app_comes_back_by_itself() -> None:
    simulated = hardware(speed=20)
    simulated.sample(NOW, [])
    simulated.crash_app(for_s=1000)
    states = [m.apps[0].state for m in a_day(simulated, reports=5)]
    assert states[0] == "crashed"
    assert states[-1] == "running"


def test_required_apps_that_are_not_installed_are_missing() -> None:
    apps = {app.name: app.state for app in hardware().sample(NOW, ["emar", "pacs"]).apps}
    assert (apps["emar"], apps["pacs"]) == ("running", "missing")
    assert hardware().app_version("pacs") is None


def test_silence_begins_and_ends_at_a_word() -> None:
    simulated = hardware()
    simulated.go_silent()
    assert not simulated.is_reachable
    simulated.come_back()
    assert simulated.is_reachable


def test_settings_are_applied_and_read_back() -> None:
    simulated = hardware()
    assert simulated.apply_setting("screen_timeout_s", 42) is None
    assert simulated.setting("screen_timeout_s") == 42


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("no_such_setting", 1, "UNSUPPORTED"),
        ("screen_brightness_pct", 101, "INVALID_VALUE"),
        ("screen_brightness_pct", "70", "INVALID_VALUE"),
        ("usb_storage", 0, "INVALID_VALUE"),
        ("wifi_band", "60GHz", "INVALID_VALUE"),
    ],
)
def test_what_cannot_be_applied_is_answered_with_the_reason(
    key: str, value: int | str, reason: str
) -> None:
    simulated = hardware()
    before = simulated.setting(key)
    assert simulated.apply_setting(key, value) == reason
    assert simulated.setting(key) == before


def test_a_device_that_lacks_a_setting_says_unsupported() -> None:
    device = next(d for d in ROSTER.devices if d.lacks)
    (key,) = device.lacks
    simulated = hardware(device)
    assert key not in simulated.supported_settings
    assert simulated.apply_setting(key, KNOBS[key].factory) == "UNSUPPORTED"


def test_a_knob_turned_by_hand_is_read_back() -> None:
    simulated = hardware()
    simulated.change_setting("volume_pct", 3)
    assert simulated.setting("volume_pct") == 3
    with pytest.raises(ValueError, match="INVALID_VALUE"):
        simulated.change_setting("volume_pct", 300)


def test_in_time_somebody_turns_a_knob() -> None:
    drifted = 0
    for device in ROSTER.devices[:20]:
        simulated = hardware(device, speed=1000)
        a_day(simulated, reports=20)
        drifted += any(simulated.setting(key) not in (None, k.factory) for key, k in KNOBS.items())
    assert 2 < drifted < 20


def test_charge_and_settings_outlive_a_restart(tmp_path: Path) -> None:
    memory = tmp_path / "cart.json"
    before = hardware(memory=memory)
    before.set_soc(37)
    before.plug_in()
    before.save()
    before.apply_setting("volume_pct", 3)
    after = hardware(memory=memory)
    assert battery(after).soc_pct == 37
    assert battery(after).power_source == "mains"
    assert after.setting("volume_pct") == 3


def test_a_memory_that_cannot_be_read_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = tmp_path / "cart.json"
    memory.write_bytes(b"{")
    assert battery(hardware(memory=memory)).soc_pct
    assert "passed over" in caplog.text
