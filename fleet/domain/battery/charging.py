"""Needs charging: said when it is so, taken back late, silent while the device charges.

Why it is said so, and not otherwise: ADR 18. What follows a call is in `fleet.domain.calls`.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from fleet.domain.battery.packs import Charge
from fleet.domain.battery.policy import BatteryPolicy

SHORT_FOR = timedelta(minutes=5)
"""So long must the promise fall short before anybody is called."""
CLEAR_MARGIN_MIN = 30
"""Minutes above what is wanted before the word is taken back, so that it does not flicker."""
HANDOVER_MIN = 120
"""A shift that ends within this is to be lasted out: later, there is a pause to charge in."""


class Need(NamedTuple):
    """`short_since`: since when what is promised falls short of what is wanted."""

    raised: bool = False
    short_since: datetime | None = None


def wanted_min(to_shift_end_min: float | None, policy: BatteryPolicy) -> float:
    """Minutes of use that must be promised; `to_shift_end_min` None: no shifts are known."""
    least = float(policy.needs_charging_below_min)
    if to_shift_end_min is None or to_shift_end_min > HANDOVER_MIN:
        return least
    return max(to_shift_end_min, least)


def needs_charging(
    was: Need,
    charge: Charge,
    promised_min: int | None,
    to_shift_end_min: float | None,
    at: datetime,
    policy: BatteryPolicy,
) -> Need:
    """Whether somebody should plug this device in now.

    Judged by the promise; by the policy's charge where nothing can be promised. A device that
    charges, or is full, needs nobody. One that is plugged in and does not charge still does.
    """
    if not charge.present or charge.charging or (charge.plugged_in and charge.full):
        return Need()
    if promised_min is not None:
        wanted = wanted_min(to_shift_end_min, policy)
        short, safe = promised_min < wanted, promised_min >= wanted + CLEAR_MARGIN_MIN
    elif charge.soc_pct is not None:
        short = charge.soc_pct <= policy.needs_charging_below_pct
        safe = charge.soc_pct >= policy.clear_above_pct
    else:
        return was
    if was.raised:
        return Need() if safe else was
    if not short:
        return Need()
    # A clock that was put back must not make it wait for hours.
    since = min(was.short_since or at, at)
    return Need(at - since >= SHORT_FOR, since)
