"""What a device is told to install, what that requires, and what the updater asks of the agent."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from fleet.trust.documents import Requires
from fleet.wire.firmware import JobState, Offer


class Condition(Struct):
    """What a manifest may require; None is not known."""

    soc_pct: int | None = None
    on_mains: bool | None = None
    is_idle: bool | None = None


class Job(Struct, omit_defaults=True):
    """The newest offer, and how far it is. `refusals`: files that were not the signed one."""

    offer: Offer
    state: JobState = "offered"
    reason: str | None = None
    detail: str | None = None
    refusals: int = 0


class Ground(Protocol):
    """What the updater asks of the agent around it."""

    @property
    def device_id(self) -> str: ...

    @property
    def hardware_id(self) -> str | None: ...

    def clock(self) -> datetime: ...

    def condition(self) -> Condition: ...

    def report_job(self, job: Job, progress_pct: int | None) -> None: ...

    def restart(self) -> None:
        """Start the machine anew. It may return before that happens."""


def what_lacks(requires: Requires, condition: Condition) -> str | None:
    """Why it is not the moment to install; None where it is.

    Nobody loses a device that is known to be in use, or unplugged, whatever the manifest says; what
    is not known counts only where the manifest requires it.
    """
    if condition.on_mains is False or (requires.on_mains and not condition.on_mains):
        return "it must be plugged in"
    least = requires.min_soc_pct
    if least is not None and (condition.soc_pct is None or condition.soc_pct < least):
        return f"it must be charged to {least} %"
    if condition.is_idle is False or (requires.idle and not condition.is_idle):
        return "nobody may be using it"
    return None
