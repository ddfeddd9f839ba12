"""The thresholds by which batteries are judged, per chemistry, as a profile sets them."""

from collections.abc import Mapping
from dataclasses import dataclass

from fleet.domain.words import Chemistry


@dataclass(frozen=True, slots=True)
class BatteryPolicy:
    """Percent of full charge, minutes of use, percent of design capacity, full cycles."""

    needs_charging_below_pct: int = 25
    needs_charging_below_min: int = 60
    clear_above_pct: int = 40
    ready_above_pct: int = 80
    reserve_pct: int = 5
    """Of full charge, not promised: the last percents of a gauge are its worst."""
    replace_below_soh_pct: int = 80
    replace_above_cycles: int = 1000


# Cycle lives to 70-80 % of design capacity as pack makers publish them; a profile overrides each.
DEFAULT_POLICIES: Mapping[Chemistry, BatteryPolicy] = {
    Chemistry.LIFEPO4: BatteryPolicy(replace_below_soh_pct=70, replace_above_cycles=3000),
    Chemistry.NMC: BatteryPolicy(replace_below_soh_pct=80, replace_above_cycles=800),
    Chemistry.LCO: BatteryPolicy(replace_below_soh_pct=80, replace_above_cycles=500),
    Chemistry.LEAD_ACID: BatteryPolicy(
        needs_charging_below_pct=50,
        clear_above_pct=65,
        ready_above_pct=90,
        reserve_pct=40,
        replace_below_soh_pct=80,
        replace_above_cycles=400,
    ),
}


_CAUTIOUS = BatteryPolicy()


def default_policy(chemistry: Chemistry | None) -> BatteryPolicy:
    """The policy where no profile says otherwise; an unknown chemistry is judged cautiously."""
    return DEFAULT_POLICIES.get(chemistry, _CAUTIOUS) if chemistry else _CAUTIOUS
