"""One device, judged: (what it was, what it says, its policy) -> what it is.

`assess` is the whole of it; `fleet.domain.events` says what changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from fleet.domain.battery import runtime
from fleet.domain.battery.charging import needs_charging
from fleet.domain.battery.packs import Charge, Pack, combine
from fleet.domain.battery.policy import BatteryPolicy, default_policy
from fleet.domain.battery.replacement import needs_replacement
from fleet.domain.words import Availability, Chemistry

IDLE_AFTER_S = 300
"""A device untouched for this long is nobody's at the moment."""
WORKING_WITHIN_S = 60
"""Touched within this, it draws what it draws on a round; later its screen is already dark."""


class Sample(NamedTuple):
    """What one reading says that the rules look at. `failed_apps`: those that do not run."""

    sampled_at: datetime
    packs: tuple[Pack, ...] = ()
    idle_s: int | None = None
    failed_apps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policies:
    """How a device is judged: battery policy per chemistry, and the apps it cannot do without."""

    battery: Mapping[Chemistry, BatteryPolicy] = field(default_factory=dict)
    required_apps: frozenset[str] = frozenset()

    def for_pack(self, pack: Pack) -> BatteryPolicy:
        chosen = self.battery.get(pack.chemistry) if pack.chemistry else None
        return chosen or default_policy(pack.chemistry)


class Condition(NamedTuple):
    """The judged state of a device. `reason` says in a few words why it is not available."""

    availability: Availability = Availability.UNKNOWN
    reason: str | None = None
    soc_pct: int | None = None
    plugged_in: bool | None = None
    charging: bool = False
    load_ma: float | None = None
    """Average discharge current in use, mA, beginning at the rated one; None until seen in use."""
    runtime_min: int | None = None
    full_in_min: int | None = None
    needs_charging: bool = False
    not_charging: bool = False
    replacement: str | None = None
    soh_pct: int | None = None
    failed_apps: tuple[str, ...] = ()
    sampled_at: datetime | None = None


def assess(previous: Condition, sample: Sample, policies: Policies) -> Condition:
    """The condition after this sample. A pure function of its arguments."""
    charge = combine(sample.packs)
    judged = [(pack, policies.for_pack(pack)) for pack in sample.packs]
    policy = judged[0][1] if judged else default_policy(None)
    load = _load(previous, sample, charge)
    runtime_min = runtime.runtime_left_min(charge, load or runtime.rated_load_ma(charge))
    charging_needed = needs_charging(previous.needs_charging, charge, runtime_min, policy)
    failed = tuple(a for a in sample.failed_apps if a in policies.required_apps)
    availability, reason = _availability(charge, charging_needed, failed, sample.idle_s, policy)
    healths = [p.soh_pct for p in sample.packs if p.soh_pct is not None]
    return Condition(
        availability=availability,
        reason=reason,
        soc_pct=charge.soc_pct,
        plugged_in=charge.plugged_in,
        charging=charge.charging,
        load_ma=load,
        runtime_min=runtime_min,
        full_in_min=runtime.minutes_to_full(charge),
        needs_charging=charging_needed,
        not_charging=_plugged_in_vain(charge, policy),
        replacement=needs_replacement(judged, was_worn=previous.replacement is not None),
        soh_pct=min(healths) if healths else None,
        failed_apps=failed,
        sampled_at=sample.sampled_at,
    )


def _load(previous: Condition, sample: Sample, charge: Charge) -> float | None:
    """The load in use: a cart that stands still draws little, which promises nothing."""
    if sample.idle_s is not None and sample.idle_s > WORKING_WITHIN_S:
        return previous.load_ma
    draw = -charge.current_ma if charge.current_ma is not None else None
    elapsed = (
        (sample.sampled_at - previous.sampled_at).total_seconds() if previous.sampled_at else 0.0
    )
    known = previous.load_ma or runtime.rated_load_ma(charge)
    return runtime.smoothed_load(known, draw, elapsed)


def _plugged_in_vain(charge: Charge, policy: BatteryPolicy) -> bool:
    if not (charge.plugged_in and charge.refused) or charge.charging or charge.full:
        return False
    if charge.soc_pct is None:
        return False
    return charge.soc_pct < policy.ready_above_pct


def _availability(
    charge: Charge,
    charging_needed: bool,
    failed_apps: tuple[str, ...],
    idle_s: int | None,
    policy: BatteryPolicy,
) -> tuple[Availability, str | None]:
    if charge.failed:
        return Availability.UNAVAILABLE, "battery failed"
    if failed_apps:
        return Availability.UNAVAILABLE, f"{', '.join(failed_apps)} not running"
    if charge.soc_pct is None:
        return Availability.UNKNOWN, "reports no battery"
    if charging_needed:
        return Availability.LOW, "plugged in, not charging" if charge.plugged_in else None
    if charge.charging and charge.soc_pct < policy.ready_above_pct:
        return Availability.CHARGING, None
    if idle_s is not None and idle_s < IDLE_AFTER_S and not charge.plugged_in:
        return Availability.IN_USE, None
    return Availability.AVAILABLE, None
