"""How carts and tablets are built and lived with: figures only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fleet.domain.words import Chemistry, DeviceKind
from fleet.simulator.battery import Build

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR

# Medication rounds, in hours of the day.
ROUNDS = ((6.0, 8.5), (11.0, 13.0), (16.5, 18.5), (20.5, 22.0))


@dataclass(frozen=True, slots=True)
class Habits:
    """Loads in W, durations in simulated seconds (means of what chance makes of them)."""

    dock: Literal["mains", "dock"]
    active_w: float
    standby_w: float
    use_s: float
    gap_in_round_s: float
    gap_else_s: float
    plug_in: float
    """Chance that a device with a good charge is plugged in when it is parked."""
    builds: Mapping[Chemistry, Build]


CART = Habits(
    dock="mains",
    active_w=130.0,
    standby_w=22.0,
    use_s=40 * MINUTE,
    gap_in_round_s=45 * MINUTE,
    gap_else_s=3 * HOUR,
    plug_in=0.15,
    builds={
        Chemistry.LIFEPO4: Build("PowerRail LFP 40", Chemistry.LIFEPO4, 8, 40.0, 0.045, 10.0),
        Chemistry.NMC: Build("PowerRail NMC 36", Chemistry.NMC, 7, 36.0, 0.055, 9.0),
        Chemistry.LEAD_ACID: Build("Rondo AGM 55", Chemistry.LEAD_ACID, 12, 55.0, 0.050, 12.0),
    },
)
TABLET = Habits(
    dock="dock",
    active_w=6.5,
    standby_w=0.6,
    use_s=20 * MINUTE,
    gap_in_round_s=30 * MINUTE,
    gap_else_s=90 * MINUTE,
    plug_in=0.2,
    builds={
        Chemistry.LCO: Build("SL10-B", Chemistry.LCO, 1, 8.2, 0.06, 2.6),
        Chemistry.NMC: Build("SL11-B", Chemistry.NMC, 2, 5.1, 0.11, 1.7),
    },
)

HABITS = {DeviceKind.MEDICATION_CART: CART, DeviceKind.TABLET: TABLET}


def in_round(hour: float) -> bool:
    return any(start <= hour < end for start, end in ROUNDS)
