"""The words of a rollout, and of what each of its devices is about."""

from enum import StrEnum


class Target(StrEnum):
    """What is rolled out."""

    PROFILE = "profile"
    FIRMWARE = "firmware"


class RolloutState(StrEnum):
    """`halted`: the rollout stopped itself. The last four are ends."""

    PROPOSED = "proposed"
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    COMPLETED = "completed"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


LIVE = frozenset({RolloutState.RUNNING, RolloutState.PAUSED, RolloutState.HALTED})
"""Approved, and not at its end."""
STANDING = LIVE | {RolloutState.PROPOSED}


class JobState(StrEnum):
    """What one device of a rollout is about: in the queue, at work, or at one of the ends."""

    QUEUED = "queued"
    OFFERED = "offered"
    DOWNLOADING = "downloading"
    VERIFIED = "verified"
    WAITING = "waiting"
    INSTALLING = "installing"
    REBOOTING = "rebooting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    """Not a word of the new version until its deadline."""
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"
    MISSED = "missed"
    """There was no safe moment for it while the rollout ran: it gets the version at the first."""


AT_WORK = frozenset(
    {
        JobState.OFFERED,
        JobState.DOWNLOADING,
        JobState.VERIFIED,
        JobState.WAITING,
        JobState.INSTALLING,
        JobState.REBOOTING,
    }
)
FAILURES = frozenset({JobState.FAILED, JobState.REJECTED, JobState.TIMED_OUT})
ENDS = FAILURES | {
    JobState.SUCCEEDED,
    JobState.ROLLED_BACK,
    JobState.CANCELLED,
    JobState.MISSED,
}
