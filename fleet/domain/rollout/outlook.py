"""When a rollout is expected to end, by how it has gone so far."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fleet.domain.rollout.gates import Ring
from fleet.domain.rollout.plan import Plan

SEEN_FIRST = 3
"""Fewer ends than this tell nothing about the pace."""


def expected_end(rings: Sequence[Ring], plan: Plan, now: datetime) -> datetime | None:
    """The rest at the pace of the rings so far, and the soaks between; None while nothing is known.

    Devices that nobody has heard of for long are not waited for here either.
    """
    ended = sum(ring.succeeded + ring.failed for ring in rings)
    if ended < SEEN_FIRST:
        return None
    worked = sum(((ring.passed_at or now) - ring.opened_at for ring in rings if ring.opened_at),
                 timedelta(0))  # fmt: skip
    left = sum(ring.queued - ring.absent + ring.at_work for ring in rings)
    return now + max(worked, timedelta(minutes=1)) / ended * left + _soaks(rings, plan, now)


def _soaks(rings: Sequence[Ring], plan: Plan, now: datetime) -> timedelta:
    ahead = timedelta(0)
    for ring in rings[:-1]:
        following = rings[ring.number + 1]
        if following.is_open:
            continue
        done = now - ring.passed_at if ring.passed_at else timedelta(0)
        ahead += max(plan.soak - done, timedelta(0))
    return ahead
