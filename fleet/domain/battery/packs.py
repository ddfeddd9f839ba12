"""The packs of one device, taken together as the one battery that a nurse sees."""

from collections.abc import Sequence
from dataclasses import dataclass

from fleet.domain.words import Chemistry

CHARGING_FROM_MA = 50
"""Less than this is what a gauge reads when nothing flows."""
ON_MAINS = frozenset({"mains", "dock", "usb"})


@dataclass(frozen=True, slots=True)
class Pack:
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


@dataclass(frozen=True, slots=True)
class Charge:
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


def combine(packs: Sequence[Pack]) -> Charge:
    """Capacities and currents add up; the charge is their weighted mean.

    A pack that does not know its capacity counts as much as the others do on average.
    """
    if not packs:
        return Charge()
    known = [p for p in packs if p.remaining_mah is not None and p.full_charge_mah]
    remaining = sum(p.remaining_mah or 0 for p in known) if len(known) == len(packs) else None
    full = sum(p.full_charge_mah or 0 for p in known) if len(known) == len(packs) else None
    currents = [p.current_ma for p in packs if p.current_ma is not None]
    sources = [p.power_source for p in packs if p.power_source is not None]
    return Charge(
        soc_pct=_mean_soc(packs),
        current_ma=sum(currents) if currents else None,
        remaining_mah=remaining,
        full_mah=full,
        plugged_in=any(s in ON_MAINS for s in sources) if sources else _plugged_by_status(packs),
        present=True,
        charging=any(p.is_charging for p in packs),
        refused=any(p.status in ("not_charging", "discharging") for p in packs),
        full=all(p.status == "full" or p.soc_pct == 100 for p in packs),
        failed=any(p.health in ("dead", "failure") for p in packs),
    )


def _mean_soc(packs: Sequence[Pack]) -> int | None:
    charges = [(p.soc_pct, p.full_charge_mah) for p in packs if p.soc_pct is not None]
    if not charges:
        return None
    sizes = [size for _, size in charges if size]
    usual = sum(sizes) / len(sizes) if sizes else 1.0
    weights = [size or usual for _, size in charges]
    return round(sum(soc * w for (soc, _), w in zip(charges, weights, strict=True)) / sum(weights))


def _plugged_by_status(packs: Sequence[Pack]) -> bool | None:
    statuses = {p.status for p in packs if p.status is not None}
    if not statuses:
        return None
    return bool(statuses & {"charging", "full", "not_charging"})
