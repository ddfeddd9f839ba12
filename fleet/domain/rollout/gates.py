"""When the next ring may begin, when the rollout stops itself, and when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from fleet.domain.rollout.plan import Plan

CANARY_RING = 0


@dataclass(frozen=True, slots=True)
class Ring:
    """One ring as it stands: its devices counted by what they are about.

    `absent`: of those in its queue, those that nobody has heard of for long (`care.ABSENT_AFTER`).
    `forgiven`: failures that a person has looked at, and gone on in spite of. `passed_at`: when it
    had done well enough.
    """

    number: int
    queued: int = 0
    at_work: int = 0
    succeeded: int = 0
    failed: int = 0
    absent: int = 0
    forgiven: int = 0
    opened_at: datetime | None = None
    passed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None

    @property
    def is_over(self) -> bool:
        return self.queued == 0 and self.at_work == 0


class Halt(NamedTuple):
    reason: str


class Pass(NamedTuple):
    """The ring has done well enough; its soak begins."""

    ring: int


class Open(NamedTuple):
    ring: int


class Finish(NamedTuple):
    """Every device is at its end."""


class Stop(NamedTuple):
    """Its time is over before its last ring began: it ends with those that have the version."""

    reason: str


class Miss(NamedTuple):
    """Its time is over in its last ring: who is still in the queue has missed it."""


Move = Halt | Pass | Open | Finish | Stop | Miss


def next_move(
    rings: Sequence[Ring], plan: Plan, started_at: datetime, now: datetime
) -> Move | None:
    """The one next step of a running rollout; None while there is nothing but to wait.

    `rings` in their order. Failures count first: nothing opens over them.
    """
    for ring in rings if plan.halts else ():
        if ring.is_open and (reason := _reason_to_halt(ring, plan)):
            return Halt(reason)
    if all(ring.is_over for ring in rings):
        return Finish()
    if now >= started_at + plan.ends_after:
        return _out_of_time(rings, plan)
    current = max((ring for ring in rings if ring.is_open), key=lambda ring: ring.number)
    following = next((ring for ring in rings if ring.number > current.number), None)
    if following is None:
        return None
    if not _has_done_well(current, plan):
        return _no_hope(current, plan)
    if current.passed_at is None:
        return Pass(current.number)
    if now >= current.passed_at + plan.soak:
        return Open(following.number)
    return None


def _reason_to_halt(ring: Ring, plan: Plan) -> str | None:
    failed = ring.failed - ring.forgiven
    if failed <= 0:
        return None
    if ring.number == CANARY_RING:
        return f"{failed} of the canaries failed"
    executed = failed + ring.succeeded
    # A ring smaller than the minimum is judged when it is through.
    is_enough = executed >= plan.min_executed or ring.is_over
    if is_enough and failed * 100 >= executed * plan.error_pct:
        return f"{failed} of {executed} failed in ring {ring.number}"
    return None


def _no_hope(ring: Ring, plan: Plan) -> Halt | None:
    """Nothing more is to come of it, and too few have succeeded for the next."""
    failed = ring.failed - ring.forgiven
    if ring.at_work or ring.queued > ring.absent or failed <= 0:
        return None
    executed = failed + ring.succeeded
    return Halt(
        f"{ring.succeeded} of {executed} succeeded in ring {ring.number},"
        f" {plan.success_pct} % are wanted"
    )


def _has_done_well(ring: Ring, plan: Plan) -> bool:
    """Of those that can be heard, enough have succeeded; of canaries all, and at least one."""
    if ring.is_over and ring.succeeded == 0:
        return ring.number != CANARY_RING  # all of it was called off: no ground to wait on
    wanted = 100 if ring.number == CANARY_RING else plan.success_pct
    failed = ring.failed - ring.forgiven
    reachable = ring.queued - ring.absent + ring.at_work + ring.succeeded + failed
    return ring.succeeded >= 1 and ring.succeeded * 100 >= reachable * wanted


def _out_of_time(rings: Sequence[Ring], plan: Plan) -> Move | None:
    words = f"not at its last ring after {plan.ends_after_days} days"
    if not rings[-1].is_open:
        return Stop(words)
    return Miss() if any(ring.queued for ring in rings) else None
