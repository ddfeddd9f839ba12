"""Batteries as kernels of real machines describe them, in the units of the protocol."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from fleet.device.power_supply import batteries

AddSupply = Callable[..., None]

# An energy-counting laptop pack: uWh, uW and a discharge that the driver gives as positive.
LAPTOP = {
    "type": "Battery", "status": "Discharging", "present": "1", "technology": "Li-poly",
    "cycle_count": "0", "voltage_min_design": "15200000", "voltage_now": "16100000",
    "power_now": "8050000", "energy_full_design": "57000000", "energy_full": "45600000",
    "energy_now": "38000000", "capacity": "83", "model_name": "01AV405", "serial_number": "  1234 ",
}  # fmt: skip
# A charge-counting cart pack: uAh, uA, a temperature in tenths of a degree.
CART = {
    "type": "Battery", "status": "Charging", "technology": "LiFe", "cycle_count": "412",
    "voltage_now": "25610000", "current_now": "3150000", "charge_full_design": "40000000",
    "charge_full": "37100000", "charge_now": "27900000", "capacity": "75", "temp": "315",
    "health": "Good",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(psutil, "sensors_battery", lambda: None)
    return tmp_path


@pytest.fixture
def add(root: Path) -> AddSupply:
    def add(name: str, **files: str) -> None:
        (root / name).mkdir()
        for file, text in files.items():
            (root / name / file).write_text(f"{text}\n")

    return add


def test_a_pack_that_counts_energy_is_converted_by_its_design_voltage(
    root: Path, add: AddSupply
) -> None:
    add("BAT0", **LAPTOP)
    (pack,) = batteries(root)
    assert (pack.design_mah, pack.full_charge_mah, pack.remaining_mah) == (3750, 3000, 2500)
    assert pack.voltage_mv == 16100
    assert pack.current_ma == -500
    assert (pack.soc_pct, pack.status) == (83, "discharging")
    assert (pack.serial, pack.model) == ("1234", "01AV405")


def test_a_pack_that_counts_charge_is_taken_as_it_is(root: Path, add: AddSupply) -> None:
    add("pack", **CART)
    (pack,) = batteries(root)
    assert (pack.design_mah, pack.full_charge_mah, pack.remaining_mah) == (40000, 37100, 27900)
    assert (pack.current_ma, pack.temp_c, pack.cycle_count) == (3150, 31.5, 412)
    assert (pack.chemistry, pack.health, pack.status) == ("LiFePO4", "good", "charging")


@pytest.mark.parametrize("given", ["-3150000", "3150000"])
def test_the_status_decides_the_sign_of_the_current(root: Path, add: AddSupply, given: str) -> None:
    add("pack", **CART | {"status": "Discharging", "current_now": given})
    assert batteries(root)[0].current_ma == -3150


def test_what_a_pack_does_not_know_is_absent_and_never_zero(root: Path, add: AddSupply) -> None:
    zeros = ("cycle_count", "voltage_now", "energy_full_design", "energy_full")
    add("BAT0", **LAPTOP | dict.fromkeys(zeros, "0") | {"status": "Unknown"})
    (pack,) = batteries(root)
    assert pack.cycle_count is pack.voltage_mv is pack.design_mah is pack.full_charge_mah is None
    assert pack.current_ma is pack.temp_c is pack.status is pack.health is None
    assert pack.chemistry is None
    assert pack.power_source is None


def test_an_empty_pack_is_known_to_be_empty(root: Path, add: AddSupply) -> None:
    add("BAT0", **CART | {"charge_now": "0", "capacity": "0", "current_now": "0"})
    (pack,) = batteries(root)
    assert (pack.remaining_mah, pack.soc_pct, pack.current_ma) == (0, 0, 0)


@pytest.mark.parametrize(
    ("told", "meant"), [("103", 100), ("255", None), ("-1", None), ("x", None)]
)
def test_a_gauge_that_overshoots_is_full_and_one_that_raves_is_unknown(
    root: Path, add: AddSupply, told: str, meant: int | None
) -> None:
    add("BAT0", **LAPTOP | {"capacity": told})
    assert batteries(root)[0].soc_pct == meant


@pytest.mark.parametrize(
    ("mains", "usb", "source"),
    [("1", "1", "mains"), ("0", "1", "usb"), ("0", "0", "none"), ("1", None, "mains"),
     (None, "0", "none"), (None, None, None)],
)  # fmt: skip
def test_the_power_source_is_the_inlet_that_is_online(
    root: Path, add: AddSupply, mains: str | None, usb: str | None, source: str | None
) -> None:
    add("BAT0", **LAPTOP)
    if mains:
        add("AC", type="Mains", online=mains)
    if usb:
        add("ucsi-1", type="USB", online="0")
        add("ucsi-2", type="USB_C", online=usb)
    assert batteries(root)[0].power_source == source


def test_two_packs_have_two_slots(root: Path, add: AddSupply) -> None:
    add("BAT1", **CART)
    add("BAT0", **LAPTOP)
    assert [(pack.slot, pack.soc_pct) for pack in batteries(root)] == [(0, 83), (1, 75)]


def test_the_battery_of_a_mouse_and_an_empty_bay_are_not_the_machines(
    root: Path, add: AddSupply
) -> None:
    add("hid-mouse", **CART | {"scope": "Device"})
    add("BAT1", **CART | {"present": "0"})
    assert batteries(root) == []


def test_where_the_kernel_tells_nothing_psutil_is_asked(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import namedtuple

    told = namedtuple("Told", "percent secsleft power_plugged")
    monkeypatch.setattr(psutil, "sensors_battery", lambda: told(42.4, 100, False))
    (pack,) = batteries(root / "missing")
    assert (pack.soc_pct, pack.status, pack.power_source) == (42, "discharging", "none")
