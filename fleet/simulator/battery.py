"""Simulated packs: charge and voltage as physics has them, and as a gauge of finite wit sees them.

Open-circuit voltage by chemistry, internal resistance, constant-current and constant-voltage
charging, warmth, capacity that fades with use. Inside in SI (V, A, Ah, W, s); on the wire in mV,
mA, mAh.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, Self

from fleet.domain.words import Chemistry
from fleet.wire.messages import Battery

WARMING_S = 1800.0
DEGREES_PER_WATT = 1.5
CUTOFF = 0.05
"""Share of the charging current at which a charger calls the pack full."""
RECHARGE_BELOW = 0.97

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One chemistry: open-circuit voltage over charge, the voltage chargers hold, and its wear."""

    ocv: Curve
    hold_v: float
    fade_per_cycle: float


_CELLS = {
    Chemistry.LIFEPO4: Cell(
        ((0.0, 2.80), (0.1, 3.18), (0.3, 3.26), (0.7, 3.31), (0.95, 3.36), (1.0, 3.62)),
        3.62, 0.30 / 3000,
    ),
    Chemistry.NMC: Cell(
        ((0.0, 3.10), (0.1, 3.48), (0.5, 3.70), (0.8, 3.98), (1.0, 4.20)), 4.20, 0.20 / 800,
    ),
    Chemistry.LCO: Cell(
        ((0.0, 3.20), (0.1, 3.60), (0.5, 3.80), (0.8, 4.05), (1.0, 4.35)), 4.35, 0.20 / 500,
    ),
    Chemistry.LEAD_ACID: Cell(
        ((0.0, 1.93), (0.2, 1.98), (0.5, 2.04), (0.8, 2.10), (0.95, 2.14), (1.0, 2.35)),
        2.35, 0.20 / 400,
    ),
}  # fmt: skip


def cycles_at(chemistry: Chemistry, health: float) -> float:
    """How often a pack of this health has been cycled."""
    return (1.0 - health) / _CELLS[chemistry].fade_per_cycle


@dataclass(frozen=True, slots=True)
class Build:
    """How a pack is built: cells in series, capacity when new, resistance, charging current."""

    model: str
    chemistry: Chemistry
    cells: int
    design_ah: float
    resistance_ohm: float
    charge_a: float


class SimulatedPack:
    """One pack. `health`: capacity over design. `gauge_error`: how far it miscounts."""

    def __init__(
        self,
        build: Build,
        serial: str,
        *,
        soc: float,
        health: float,
        cycles: float,
        gauge_error: float = 0.0,
        ambient_c: float = 22.0,
    ) -> None:
        self.build, self.serial = build, serial
        self.health, self.cycles = health, cycles
        self._cell = _CELLS[build.chemistry]
        self._fade_per_cycle = self._cell.fade_per_cycle
        self._gauge_error = gauge_error
        self._ambient_c = self.temp_c = ambient_c
        self.current_a = 0.0
        self.set_soc(soc)

    @property
    def capacity_ah(self) -> float:
        return self.build.design_ah * self.health

    @property
    def soc(self) -> float:
        """The true charge, 0 to 1."""
        return self._charge_ah / self.capacity_ah

    @property
    def voltage_v(self) -> float:
        """At the terminals, under the present current."""
        return self._open_v() + self.current_a * self.build.resistance_ohm

    @property
    def is_full(self) -> bool:
        return self._full

    def set_soc(self, soc: float) -> None:
        """Put the charge where it should be, as if it had always been there."""
        self._charge_ah = self._gauge_ah = soc * self.capacity_ah
        self._gauge_full_ah = self.capacity_ah
        self._full = soc >= 1.0

    def worn_faster(self, times: float) -> Self:
        """As healthy after so many times fewer cycles, and losing as many times more in each."""
        self.cycles /= times
        self._fade_per_cycle *= times
        return self

    def step(self, seconds: float, load_w: float, charger: bool) -> None:
        """Live for a while: on a charger that works, which carries the load too, or off it."""
        self.current_a = self._charging_a() if charger else self._drawn_a(load_w)
        moved_ah = self.current_a * seconds / 3600
        self._charge_ah = min(max(self._charge_ah + moved_ah, 0.0), self.capacity_ah)
        self._count(moved_ah)
        if moved_ah < 0:
            self._wear(-moved_ah / self.build.design_ah)
        self._warm(seconds)

    def reading(
        self, power_source: Literal["none", "mains", "dock"], charger_works: bool, slot: int = 0
    ) -> Battery:
        """What the pack's gauge says."""
        full_ah = self._gauge_full_ah
        return Battery(
            slot=slot,
            serial=self.serial,
            model=self.build.model,
            chemistry=self.build.chemistry.value,
            soc_pct=min(max(round(100 * self._gauge_ah / full_ah), 0), 100),
            voltage_mv=round(1000 * self.voltage_v),
            current_ma=round(1000 * self.current_a),
            temp_c=round(self.temp_c, 1),
            cycle_count=int(self.cycles),
            remaining_mah=round(1000 * self._gauge_ah),
            full_charge_mah=round(1000 * full_ah),
            design_mah=round(1000 * self.build.design_ah),
            status=self._status(power_source != "none" and charger_works),
            health="good",
            power_source=power_source,
        )

    def _status(self, charged: bool) -> Literal["charging", "discharging", "full"]:
        if not charged:
            return "discharging"
        return "full" if self._full else "charging"

    def _charging_a(self) -> float:
        """Constant current up to the holding voltage; from there on what flows by itself."""
        if self._full and self.soc >= RECHARGE_BELOW:
            return 0.0
        held_v = self._cell.hold_v * self.build.cells
        amps = min(self.build.charge_a, (held_v - self._open_v()) / self.build.resistance_ohm)
        self._full = amps <= CUTOFF * self.build.charge_a or self.soc >= 1.0
        return 0.0 if self._full else amps

    def _drawn_a(self, load_w: float) -> float:
        self._full = False
        return -load_w / self._open_v() if self._charge_ah > 0 else 0.0

    def _count(self, moved_ah: float) -> None:
        """Coulomb counting drifts; a full or an empty pack tells the gauge where it stands."""
        counted = self._gauge_ah + moved_ah * (1 + self._gauge_error)
        if self._full:
            counted = self._gauge_full_ah = self.capacity_ah
        elif self._charge_ah == 0.0:
            counted = 0.0
        self._gauge_ah = min(max(counted, 0.0), self._gauge_full_ah)

    def _wear(self, cycles: float) -> None:
        self.cycles += cycles
        self.health -= cycles * self._fade_per_cycle

    def _warm(self, seconds: float) -> None:
        heat_w = self.current_a**2 * self.build.resistance_ohm
        settled_c = self._ambient_c + DEGREES_PER_WATT * heat_w
        self.temp_c += (settled_c - self.temp_c) * (1 - math.exp(-seconds / WARMING_S))

    def _open_v(self) -> float:
        return self.build.cells * _interpolate(self._cell.ocv, self.soc)


def _interpolate(curve: Curve, x: float) -> float:
    right = min(max(bisect_right(curve, (x, math.inf)), 1), len(curve) - 1)
    (x0, y0), (x1, y1) = curve[right - 1], curve[right]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
