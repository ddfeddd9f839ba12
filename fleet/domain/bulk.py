"""What one action does to one of many devices: what will change, or why nothing will."""

from collections.abc import Mapping
from typing import NamedTuple

from fleet.domain.commands import CommandName
from fleet.domain.tasks import TaskKind
from fleet.domain.words import Availability, Lifecycle


class Picture(NamedTuple):
    """A device as it is before; `ward` is a slug, `waits` for approval."""

    lifecycle: str
    ward: str
    availability: str
    waits: bool


class Effect(NamedTuple):
    """`change`: what will be so afterwards; None where `refusal` says why nothing will."""

    change: str | None
    refusal: str | None = None


def effect(kind: TaskKind, wanted: Mapping[str, str], device: Picture) -> Effect:
    """`wanted`: the ward's slug of a move, the name of a command."""
    if device.lifecycle != Lifecycle.ENROLLED:
        return Effect(None, "is decommissioned")
    match kind:
        case TaskKind.MOVE:
            if device.ward == wanted["ward"]:
                return Effect(None, f"is in {device.ward} already")
            return Effect(f"ward {device.ward} → {wanted['ward']}")
        case TaskKind.DECOMMISSION:
            return Effect("enrolled → decommissioned")
        case TaskKind.COMMAND:
            if wanted["command"] == CommandName.REBOOT and device.availability == (
                Availability.IN_USE
            ):
                return Effect(None, "is in use: it is rebooted when it rests")
            return Effect(f"is told to {wanted['command']}")
        case TaskKind.APPROVE:
            if not device.waits:
                return Effect(None, "does not wait for approval")
            return Effect("waiting → approved")
    raise ValueError(f"{kind} is nothing that is done to devices")
