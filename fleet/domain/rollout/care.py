"""Care-safe: what a ward needs its devices for comes before any rollout."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from fleet.domain.condition import IDLE_AFTER_S
from fleet.domain.rollout.plan import Plan
from fleet.domain.words import Availability, DeviceKind

ABSENT_AFTER = timedelta(days=1)
"""A device in the queue that was not heard of for so long keeps no ring waiting."""

Place = tuple[int, str]
"""A ward and a kind of device: tablets do not stand in for carts."""


class Candidate(NamedTuple):
    """A device in the queue of an open ring, by its newest reading."""

    pk: int
    ward_id: int
    kind: str
    online: bool
    availability: str
    plugged_in: bool | None
    soc_pct: int | None
    idle_s: int | None

    @property
    def place(self) -> Place:
        return self.ward_id, self.kind


@dataclass(frozen=True, slots=True)
class Stock:
    """Of one ward and kind: all devices, those that a nurse could take now and that no rollout has
    at work, and those that any rollout has at work."""

    devices: int
    free: int
    at_work: int


@dataclass(frozen=True, slots=True)
class Ward:
    """`min_available`: carts that must stay free. `is_open`: a maintenance window is open."""

    min_available: int
    is_open: bool


class Admission(NamedTuple):
    """`waiting`: why each of the others has to wait."""

    admitted: list[int]
    waiting: dict[int, str]


def hindrance(device: Candidate, plan: Plan) -> str | None:
    """What about the device itself speaks against it now; None if nothing does."""
    if not device.online:
        return "not heard of"
    if device.availability == Availability.IN_USE or _is_touched(device):
        return "in use"
    if device.plugged_in is not True:
        return "not plugged in"
    if device.soc_pct is None:
        return "its charge is not known"
    if device.soc_pct < plan.min_soc_pct:
        return f"charge {device.soc_pct} %, needs {plan.min_soc_pct} %"
    return None


def admit(
    candidates: Iterable[Candidate],
    stocks: Mapping[Place, Stock],
    wards: Mapping[int, Ward],
    plan: Plan,
    most: int,
) -> Admission:
    """Who may begin now, in the order given and at most so many.

    Each that is let in counts at once: it is at work, and no longer free.
    """
    admitted: list[int] = []
    waiting: dict[int, str] = {}
    taken: Counter[Place] = Counter()
    taken_free: Counter[Place] = Counter()
    for device in candidates:
        reason = hindrance(device, plan) or _objection(
            device, stocks, wards, plan, taken[device.place], taken_free[device.place]
        )
        if reason is None and len(admitted) >= most:
            reason = "next"
        if reason is not None:
            waiting[device.pk] = reason
            continue
        admitted.append(device.pk)
        taken[device.place] += 1
        taken_free[device.place] += device.availability == Availability.AVAILABLE
    return Admission(admitted, waiting)


def most_at_once(devices: int, plan: Plan) -> int:
    """Of so many in a ward: its share, rounded down. But one, or a small ward would never get
    anything; the minimum that must stay available still holds."""
    return max(devices * plan.ward_share_pct // 100, 1)


def _objection(
    device: Candidate,
    stocks: Mapping[Place, Stock],
    wards: Mapping[int, Ward],
    plan: Plan,
    taken: int,
    taken_free: int,
) -> str | None:
    """What its ward has against it."""
    ward, stock = wards[device.ward_id], stocks[device.place]
    if not ward.is_open:
        return "outside the ward's maintenance windows"
    most = most_at_once(stock.devices, plan)
    if stock.at_work + taken >= most:
        return f"{most} of its ward at once at most"
    left = stock.free - taken_free - (device.availability == Availability.AVAILABLE)
    if device.kind == DeviceKind.MEDICATION_CART and left < ward.min_available:
        return f"its ward would have {max(left, 0)} available, needs {ward.min_available}"
    return None


def _is_touched(device: Candidate) -> bool:
    return device.idle_s is not None and device.idle_s < IDLE_AFTER_S
