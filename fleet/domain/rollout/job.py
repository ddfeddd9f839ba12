"""One device of a rollout: from its offer to exactly one end."""

from datetime import datetime, timedelta
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


class Told(NamedTuple):
    """What a device has said last of its firmware job, and when it last said something new.

    `state`: one of `words.JobState`, or None where it has said nothing. `firmware`: what ran then.
    """

    state: str | None = None
    reason: str | None = None
    firmware: str | None = None
    changed_at: datetime | None = None


class Course(NamedTuple):
    """Where an update stands; `is_over` makes it an end."""

    state: JobState
    reason: str | None
    deadline: datetime
    is_over: bool = False


def course_of(
    state: JobState, deadline: datetime, told: Told, target: str, patience: timedelta, now: datetime
) -> Course:
    """Of a device at work, by what it tells itself. `target`: the version that it is to run.

    Its deadline is `patience` after it last came further: a large file over a bad network is no
    failure, a device that has fallen silent is one. One that was only waiting for a safe moment
    has missed it: nothing is wrong with the release.
    """
    if told.changed_at is not None:
        deadline = max(deadline, told.changed_at + patience)
    said = JobState(told.state) if told.state is not None else state
    if said == JobState.SUCCEEDED and told.firmware != target:
        words = f"says that it succeeded, and runs {told.firmware or 'nothing that it could name'}"
        return Course(JobState.FAILED, words, deadline, is_over=True)
    if said not in AT_WORK:
        reason = None if said == JobState.SUCCEEDED else told.reason
        return Course(said, reason, deadline, is_over=True)
    if now < deadline:
        return Course(said, told.reason, deadline)
    if said == JobState.WAITING:
        return Course(JobState.MISSED, told.reason, deadline, is_over=True)
    words = f"silent for {patience // timedelta(minutes=1)} min while {said}"
    return Course(JobState.TIMED_OUT, words, deadline, is_over=True)
