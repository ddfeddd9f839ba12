"""One device, judged: (what it was, what it says, its policy) -> what it is.

In three steps, so that the second is one calculation for a whole batch: `take_stock` of each
sample, `endurance.promises` for all, `assess` each. `fleet.domain.events` says what changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from fleet.domain.battery import runtime
from fleet.domain.battery.charging import Need, needs_charging
from fleet.domain.battery.endurance import Promise, Stock
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
        return self.for_chemistry(pack.chemistry)

    def for_chemistry(self, chemistry: Chemistry | None) -> BatteryPolicy:
        chosen = self.battery.get(chemistry) if chemistry else None
        return chosen or default_policy(chemistry)

    def for_device(self, packs: Sequence[Pack]) -> BatteryPolicy:
        """By its first pack: nobody mixes chemistries in one device."""
        return self.for_pack(packs[0]) if packs else default_policy(None)


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
    """Expected minutes of use until the reserve."""
    full_in_min: int | None = None
    needs_charging: bool = False
    not_charging: bool = False
    replacement: str | None = None
    soh_pct: int | None = None
    failed_apps: tuple[str, ...] = ()
    sampled_at: datetime | None = None
    promised_min: int | None = None
    """Minutes of use until the reserve that are reached four times in five."""
    empty_min: int | None = None
    """Expected minutes of use until empty."""
    short_since: datetime | None = None
    """Since when the promise falls short of what is wanted of it."""

    @property
    def empty_at(self) -> datetime | None:
        """When it is expected empty, if it is in use from `sampled_at` on."""
        if self.sampled_at is None or self.empty_min is None:
            return None
        return self.sampled_at + timedelta(minutes=self.empty_min)


def take_stock(previous: Condition, sample: Sample, policies: Policies) -> Stock:
    """What this sample says of the device's charge and of its draw in use."""
    charge = combine(sample.packs)
    policy = policies.for_device(sample.packs)
    return Stock(charge, _load(previous, sample, charge), policy.reserve_pct)


def assess(
    previous: Condition,
    sample: Sample,
    policies: Policies,
    stock: Stock,
    promise: Promise,
    shift_end: datetime | None,
) -> Condition:
    """The condition after this sample. A pure function of its arguments."""
    charge, load, _ = stock
    policy = policies.for_device(sample.packs)
    judged = [(pack, policies.for_pack(pack)) for pack in sample.packs]
    need = needs_charging(
        Need(previous.needs_charging, previous.short_since),
        charge,
        promise.promised_min,
        _minutes_until(shift_end, sample.sampled_at),
        sample.sampled_at,
        policy,
    )
    chemistry = sample.packs[0].chemistry if sample.packs else None
    failed = tuple(a for a in sample.failed_apps if a in policies.required_apps)
    # Nobody is called yet, but nobody should take it on a round either.
    low = need.raised or need.short_since is not None
    availability, reason = _availability(charge, low, failed, sample.idle_s, policy)
    healths = [p.soh_pct for p in sample.packs if p.soh_pct is not None]
    return Condition(
        availability=availability,
        reason=reason,
        soc_pct=charge.soc_pct,
        plugged_in=charge.plugged_in,
        charging=charge.charging,
        load_ma=load,
        runtime_min=promise.reserve_min,
        full_in_min=runtime.minutes_to_full(charge, chemistry),
        needs_charging=need.raised,
        not_charging=_plugged_in_vain(charge, policy),
        replacement=needs_replacement(judged, was_worn=previous.replacement is not None),
        soh_pct=min(healths) if healths else None,
        failed_apps=failed,
        sampled_at=sample.sampled_at,
        promised_min=promise.promised_min,
        empty_min=promise.empty_min,
        short_since=need.short_since,
    )


def _minutes_until(moment: datetime | None, at: datetime) -> float | None:
    return None if moment is None else (moment - at).total_seconds() / 60


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
    low: bool,
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
    if low:
        return Availability.LOW, "plugged in, not charging" if charge.plugged_in else None
    if charge.charging and charge.soc_pct < policy.ready_above_pct:
        return Availability.CHARGING, None
    if idle_s is not None and idle_s < IDLE_AFTER_S and not charge.plugged_in:
        return Availability.IN_USE, None
    return Availability.AVAILABLE, None
