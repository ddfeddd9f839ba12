"""Needs replacement: a pack that is worn by its policy, with the reason in words."""

from collections.abc import Sequence

from fleet.domain.battery.packs import Pack
from fleet.domain.battery.policy import BatteryPolicy

SOH_MARGIN_PCT = 2
"""A pack once called worn must gain this much before it is called sound: gauges round."""


def worn_reason(pack: Pack, policy: BatteryPolicy, was_worn: bool) -> str | None:
    """Why this pack should be replaced, or None."""
    if pack.health in ("dead", "failure"):
        return f"the pack reports {pack.health}"
    threshold = policy.replace_below_soh_pct + (SOH_MARGIN_PCT if was_worn else 0)
    if pack.soh_pct is not None and pack.soh_pct < threshold:
        return f"health {pack.soh_pct} %, replaced below {policy.replace_below_soh_pct} %"
    if pack.cycle_count is not None and pack.cycle_count > policy.replace_above_cycles:
        return f"{pack.cycle_count} cycles, replaced above {policy.replace_above_cycles}"
    return None


def needs_replacement(
    packs: Sequence[tuple[Pack, BatteryPolicy]], was_worn: bool = False
) -> str | None:
    """The first worn pack's reason, with its slot if there are several; None if all are sound."""
    for pack, policy in packs:
        reason = worn_reason(pack, policy, was_worn)
        if reason is not None:
            return f"slot {pack.slot}: {reason}" if len(packs) > 1 else reason
    return None
