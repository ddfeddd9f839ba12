"""What the agent asks of the machine under it; everything unknown is None, never 0."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from fleet.wire.messages import App, Battery, Location, ReasonCode, Setting, System


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself in its birth."""

    kind: str | None = None
    model: str | None = None
    serial: str | None = None
    os: str | None = None


@dataclass(slots=True)
class Measurements:
    """One sample: the parts of a wire reading that the hardware knows. Units as on the wire."""

    batteries: list[Battery] = field(default_factory=list)
    location: Location | None = None
    apps: list[App] = field(default_factory=list)
    system: System = field(default_factory=System)
    uptime_s: int | None = None
    clock: Literal["synced", "unsynced"] | None = None


class Hardware(Protocol):
    """A machine that can be measured and set. No method raises."""

    @property
    def identity(self) -> Identity: ...

    @property
    def firmware(self) -> str | None: ...

    def booted(self, version: str) -> None:
        """This firmware runs now, out of a slot of its own: `firmware` is to say so."""

    @property
    def supported_settings(self) -> frozenset[str]: ...

    def sample(self, now: datetime, apps: Collection[str]) -> Measurements:
        """Measure now. `apps`: names to look at besides those the hardware watches anyway."""

    def app_version(self, name: str) -> str | None:
        """The installed version; None where the app is not installed."""

    def setting(self, key: str) -> Setting | None:
        """The value in force at this moment, read back from the machine."""

    def execute(self, command: str) -> str | None:
        """`locate`, `lock` or `reboot`; why that cannot be done, None where it is.

        A reboot goes on after the return, so that there is time for an answer.
        """

    def apply_setting(self, key: str, value: Setting) -> ReasonCode | None:
        """Put the value in force; the reason where that cannot be done."""
