"""Long work: many small steps that somebody has asked for, each done once."""

from enum import StrEnum


class TaskState(StrEnum):
    PROPOSED = "proposed"
    """Everybody can see what it would do; nothing is done yet."""
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    """What was done by then stays done."""


class StepState(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    """It cannot be done, and a reason says why."""


class TaskKind(StrEnum):
    MOVE = "move"
    DECOMMISSION = "decommission"
    COMMAND = "command"
    APPROVE = "approve"
    IMPORT = "import"


UNFINISHED = frozenset({TaskState.PROPOSED, TaskState.QUEUED, TaskState.RUNNING})
AT_WORK = frozenset({TaskState.QUEUED, TaskState.RUNNING})
