"""Batteries as Linux tells them in /sys/class/power_supply, in the units of the protocol.

The kernel speaks in uV, uA, uAh, uW and uWh, and either of charge or of energy; gauges that count
energy are converted by the pack's design voltage, as the protocol counts charge.
"""

from pathlib import Path
from typing import Literal

import psutil

from fleet.device.probe import label, read_int, read_text
from fleet.wire.messages import Battery

POWER_SUPPLIES = Path("/sys/class/power_supply")
MAX_SLOTS = 8

PowerSource = Literal["none", "mains", "usb"]
_STATUS: dict[str, Literal["charging", "discharging", "full", "not_charging"]] = {
    "Charging": "charging",
    "Discharging": "discharging",
    "Full": "full",
    "Not charging": "not_charging",
}
_HEALTH: dict[str, Literal["good", "overheat", "dead", "over_voltage", "failure", "cold"]] = {
    "Good": "good",
    "Overheat": "overheat",
    "Dead": "dead",
    "Over voltage": "over_voltage",
    "Unspecified failure": "failure",
    "Cold": "cold",
}


def batteries(root: Path = POWER_SUPPLIES) -> list[Battery]:
    """Every pack of the machine itself (not of its mouse), by slot; else what psutil knows."""
    supplies = _supplies(root)
    source = _power_source(supplies)
    packs = [s for s in supplies if _is_own_pack(s)][:MAX_SLOTS]
    found = [_battery(pack, slot, source) for slot, pack in enumerate(packs)]
    return found or _from_psutil()


def _supplies(root: Path) -> list[Path]:
    try:
        return sorted(root.iterdir())
    except OSError:
        return []


def _is_own_pack(supply: Path) -> bool:
    return (
        read_text(supply / "type") == "Battery"
        and read_text(supply / "scope") != "Device"
        and read_int(supply / "present") != 0
    )


def _power_source(supplies: list[Path]) -> PowerSource | None:
    """None where the machine has no inlet that it knows of."""
    inlets = [(read_text(s / "type") or "", read_int(s / "online")) for s in supplies]
    mains = [online for kind, online in inlets if kind == "Mains"]
    usb = [online for kind, online in inlets if kind.startswith("USB")]
    if any(mains):
        return "mains"
    if any(usb):
        return "usb"
    return "none" if mains or usb else None


def _battery(pack: Path, slot: int, source: PowerSource | None) -> Battery:
    status = _STATUS.get(read_text(pack / "status") or "")
    voltage_mv = _thousandth(_positive(pack / "voltage_now"))
    temp = read_int(pack / "temp")
    return Battery(
        slot=slot,
        serial=label(read_text(pack / "serial_number")),
        model=label(read_text(pack / "model_name")),
        chemistry="LiFePO4" if read_text(pack / "technology") == "LiFe" else None,
        soc_pct=_percent(read_int(pack / "capacity")),
        voltage_mv=voltage_mv,
        current_ma=_current_ma(pack, status, voltage_mv),
        temp_c=temp / 10 if temp is not None else None,
        cycle_count=_positive(pack / "cycle_count"),
        remaining_mah=_charge_mah(pack, "now"),
        full_charge_mah=_charge_mah(pack, "full") or None,
        design_mah=_charge_mah(pack, "full_design") or None,
        status=status,
        health=_HEALTH.get(read_text(pack / "health") or ""),
        power_source=source,
    )


def _current_ma(pack: Path, status: str | None, voltage_mv: int | None) -> int | None:
    """Positive while charging. Drivers disagree about the sign, hence the status decides it."""
    current = read_int(pack / "current_now")
    if current is not None:
        magnitude = round(abs(current) / 1000)
    else:
        power = read_int(pack / "power_now")
        if power is None or not voltage_mv:
            return None
        magnitude = round(abs(power) / voltage_mv)
    if status is None and magnitude:
        return None
    return -magnitude if status == "discharging" else magnitude


def _charge_mah(pack: Path, which: str) -> int | None:
    charge = read_int(pack / f"charge_{which}")
    if charge is not None:
        return _thousandth(charge) if charge >= 0 else None
    energy = read_int(pack / f"energy_{which}")
    design_mv = _thousandth(_positive(pack / "voltage_min_design"))
    if energy is None or energy < 0 or not design_mv:
        return None
    return round(energy / design_mv)


def _positive(path: Path) -> int | None:
    """Gauges that do not know a value say 0, of cycles and of voltage alike."""
    value = read_int(path)
    return value if value is not None and value > 0 else None


def _thousandth(value: int | None) -> int | None:
    return round(value / 1000) if value is not None else None


def _percent(value: int | None) -> int | None:
    """Worn gauges overshoot 100 by a little; nonsense is unknown."""
    return min(value, 100) if value is not None and 0 <= value <= 110 else None


def _from_psutil() -> list[Battery]:
    try:
        found = psutil.sensors_battery()
    except (OSError, AttributeError, ValueError, RuntimeError):
        return []
    if found is None:
        return []
    plugged = found.power_plugged
    return [
        Battery(
            soc_pct=_percent(round(found.percent)),
            status=None if plugged is None or plugged else "discharging",
            power_source=None if plugged is None else "mains" if plugged else "none",
        )
    ]
