"""Needs charging: raised early, cleared late, silent while the cart charges."""

from fleet.domain.battery.packs import Charge
from fleet.domain.battery.policy import BatteryPolicy

CLEAR_MARGIN_MIN = 30
"""Minutes above the threshold before the word is taken back, so that it does not flicker."""


def needs_charging(
    was_needed: bool, charge: Charge, runtime_min: int | None, policy: BatteryPolicy
) -> bool:
    """Whether somebody should plug this device in now.

    Raised at or below the policy's charge or runtime; cleared only above its clearing charge and
    well above its runtime. A device that charges, or is full, needs nobody. One that is plugged in
    and does not charge still does.
    """
    if charge.soc_pct is None:
        return was_needed and charge.present
    if charge.charging or (charge.plugged_in and charge.full):
        return False
    short = runtime_min is not None and runtime_min <= policy.needs_charging_below_min
    if charge.soc_pct <= policy.needs_charging_below_pct or short:
        return True
    if not was_needed:
        return False
    refilled = charge.soc_pct >= policy.clear_above_pct
    lasting = (
        runtime_min is None or runtime_min >= policy.needs_charging_below_min + CLEAR_MARGIN_MIN
    )
    return not (refilled and lasting)
