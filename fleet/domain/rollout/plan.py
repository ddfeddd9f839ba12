"""How a rollout proceeds: its rings, its gates and when it stops by itself."""

from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from itertools import pairwise
from typing import Any

MOST_RINGS = 10
_BOUNDS = {
    "canaries": (1, 100),
    "soak_min": (0, 43_200),
    "success_pct": (1, 100),
    "error_pct": (1, 100),
    "min_executed": (1, 10_000),
    "deadline_min": (5, 10_080),
    "min_soc_pct": (0, 100),
    "ward_share_pct": (1, 100),
    "takes_min": (0, 720),
    "ends_after_days": (1, 365),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Percent are of the devices of a ring, `shares` of all; times in the unit of their name."""

    canaries: int = 3
    shares: tuple[int, ...] = (5, 25, 100)
    """After the canaries: up to which share of all devices each further ring goes."""
    soak_min: int = 60
    """Between a ring that has done well and the next one."""
    success_pct: int = 95
    """So many of a ring must have succeeded."""
    error_pct: int = 10
    """So many failures of those that have ended in a ring halt the rollout, ..."""
    min_executed: int = 10
    """... once so many have ended: one failure of two says nothing about thousands."""
    deadline_min: int = 30
    """So long a device may take to report the new version."""
    min_soc_pct: int = 50
    ward_share_pct: int = 20
    """Of a ward's devices of one kind at once."""
    takes_min: int = 5
    """A window must be open for so long yet when a device begins."""
    ends_after_days: int = 14
    halts: bool = True
    """Not on the way back to the former version: there is nothing to go back to from there."""

    @property
    def soak(self) -> timedelta:
        return timedelta(minutes=self.soak_min)

    @property
    def deadline(self) -> timedelta:
        return timedelta(minutes=self.deadline_min)

    @property
    def takes(self) -> timedelta:
        return timedelta(minutes=self.takes_min)

    @property
    def ends_after(self) -> timedelta:
        return timedelta(days=self.ends_after_days)

    def as_document(self) -> dict[str, Any]:
        return {**asdict(self), "shares": list(self.shares)}


def plan_from(document: dict[str, Any]) -> Plan:
    """What the document does not say is as in a plan of no words."""
    known = {field.name for field in fields(Plan)}
    given = {name: value for name, value in document.items() if name in known}
    if "shares" in given:
        given["shares"] = tuple(given["shares"])
    return Plan(**given)


def problems_of(plan: Plan) -> dict[str, str]:
    """By field: what is wrong with it, and what would be right."""
    found = {
        name: f"from {least} to {most}"
        for name, (least, most) in _BOUNDS.items()
        if not least <= getattr(plan, name) <= most
    }
    shares = plan.shares
    rising = all(a < b for a, b in pairwise(shares))
    sound = shares and rising and shares[0] >= 1 and shares[-1] == 100
    if not sound or len(shares) > MOST_RINGS:
        found["shares"] = f"at most {MOST_RINGS} rising percentages, the last 100, like 5, 25, 100"
    if plan.takes_min > plan.deadline_min:
        found["takes_min"] = f"at most the deadline of {plan.deadline_min} min"
    return found
