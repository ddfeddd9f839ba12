"""The packs of one device, taken together as the one battery that a nurse sees."""

from collections.abc import Sequence
from typing import NamedTuple

from fleet.domain.words import Chemistry

CHARGING_FROM_MA = 50
"""Less than this is what a gauge reads when nothing flows."""
ON_MAINS = frozenset({"mains", "dock", "usb"})


class Pack(NamedTuple):
    """One pack as one reading describes it; None is unknown. Units as on the wire."""

    slot: int = 0
    serial: str | None = None
    chemistry: Chemistry | None = None
    soc_pct: int | None = None
    voltage_mv: int | None = None
    current_ma: int | None = None
    temp_c: float | None = None
    cycle_count: int | None = None
    remaining_mah: int | None = None
    full_charge_mah: int | None = None
    design_mah: int | None = None
    status: str | None = None
    health: str | None = None
    power_source: str | None = None

    @property
    def is_charging(self) -> bool:
        """By its status; where that is unknown, by its current."""
        if self.status is not None:
            return self.status == "charging"
        return self.current_ma is not None and self.current_ma >= CHARGING_FROM_MA

    @property
    def soh_pct(self) -> int | None:
        """State of health: full-charge capacity over design capacity, in whole percent."""
        if not self.full_charge_mah or not self.design_mah:
            return None
        return min(round(100 * self.full_charge_mah / self.design_mah), 110)


class Charge(NamedTuple):
    """What the packs amount to together."""

    soc_pct: int | None = None
    current_ma: int | None = None
    remaining_mah: int | None = None
    full_mah: int | None = None
    plugged_in: bool | None = None
    present: bool = False
    charging: bool = False
    refused: bool = False
    """A pack says itself that it has power and does not charge."""
    full: bool = False
    failed: bool = False
    temp_c: float | None = None
    """Of the coldest pack."""


def combine(packs: Sequence[Pack]) -> Charge:
    """Capacities and currents add up; the charge is their weighted mean.

    A pack that does not know its capacity counts as much as the others do on average.
    """
    if not packs:
        return Charge()
    remaining = full = current = 0
    sized, measured, plugged, coldest = True, False, None, None
    charging = refused = failed = False
    all_full = True
    # One pass: this is done for every report of every device.
    for pack in packs:
        remaining += pack.remaining_mah or 0
        full += pack.full_charge_mah or 0
        sized = sized and pack.remaining_mah is not None and bool(pack.full_charge_mah)
        if pack.current_ma is not None:
            current += pack.current_ma
            measured = True
        if pack.temp_c is not None and (coldest is None or pack.temp_c < coldest):
            coldest = pack.temp_c
        if pack.power_source is not None:
            plugged = plugged or pack.power_source in ON_MAINS
        charging = charging or pack.is_charging
        refused = refused or pack.status in ("not_charging", "discharging")
        all_full = all_full and (pack.status == "full" or pack.soc_pct == 100)
        failed = failed or pack.health in ("dead", "failure")
    return Charge(
        soc_pct=_mean_soc(packs),
        current_ma=current if measured else None,
        remaining_mah=remaining if sized else None,
        full_mah=full if sized else None,
        plugged_in=_plugged_by_status(packs) if plugged is None else plugged,
        present=True,
        charging=charging,
        refused=refused,
        full=all_full,
        failed=failed,
        temp_c=coldest,
    )


def _mean_soc(packs: Sequence[Pack]) -> int | None:
    charges = [(p.soc_pct, p.full_charge_mah) for p in packs if p.soc_pct is not None]
    if len(charges) <= 1:
        return charges[0][0] if charges else None
    sizes = [size for _, size in charges if size]
    usual = sum(sizes) / len(sizes) if sizes else 1.0
    weights = [size or usual for _, size in charges]
    return round(sum(soc * w for (soc, _), w in zip(charges, weights, strict=True)) / sum(weights))


def _plugged_by_status(packs: Sequence[Pack]) -> bool | None:
    statuses = {p.status for p in packs if p.status is not None}
    if not statuses:
        return None
    return bool(statuses & {"charging", "full", "not_charging"})
