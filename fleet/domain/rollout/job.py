"""One device of a rollout: from its offer to exactly one end."""

from datetime import datetime
from typing import NamedTuple

from fleet.domain.rollout.words import AT_WORK, JobState


class Sight(NamedTuple):
    """What the device itself says. `runs_target`: it has the new version in force.

    `problem`: why it will not, as far as it says so.
    """

    runs_target: bool
    problem: str | None = None


class End(NamedTuple):
    state: JobState
    reason: str | None = None


class Standing(NamedTuple):
    """What a device at work (`id` of its row) is about now. `ended_at` None: it goes on."""

    id: int
    state: JobState
    reason: str | None
    ended_at: datetime | None
    deadline: datetime


def end_of(state: JobState, deadline: datetime, sight: Sight, now: datetime) -> End | None:
    """How a device that is at work has ended; None while it has not.

    What it reports counts before the deadline does: a report that came while nobody looked is
    still a report. Whoever is at no work has no end to come to.
    """
    if state not in AT_WORK:
        return None
    if sight.runs_target:
        return End(JobState.SUCCEEDED)
    if sight.problem is not None:
        return End(JobState.FAILED, sight.problem)
    if now >= deadline:
        return End(JobState.TIMED_OUT, "did not report the new version by its deadline")
    return None
