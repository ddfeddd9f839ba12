"""An instruction to one device, and what becomes of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet import request_id
from fleet.domain.commands import DEFAULT_TTL_S, GRACE, STANDING, TTL_S, CommandName, CommandState
from fleet.domain.holding import Hold
from fleet.domain.words import Availability, Lifecycle
from fleet.services import audit, outbox
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.looked_at import must_be_as_looked_at
from fleet.services.transitions import shortened
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState
from fleet.store.rollout import DeviceCommand
from fleet.wire.messages import PROTOCOL_VERSION, Answer, Command


def send_command(
    device_id: str,
    name: str,
    actor: str,
    now: datetime,
    ttl_s: int = DEFAULT_TTL_S,
    version: int | None = None,
) -> int:
    """Returns its id. Raises NotFound, Invalid, or Conflict: nobody reboots a cart in use.

    `version`: the device's that was looked at; StaleVersion where it has changed since.

    The request at work is named in the audit and in the message, so that the device's log, ours and
    the audit can be laid side by side.
    """
    problems = {}
    if name not in set(CommandName):
        problems["name"] = f"one of {', '.join(CommandName)}"
    if ttl_s not in TTL_S:
        problems["ttl_s"] = f"from {TTL_S.start} to {TTL_S.stop - 1} seconds"
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        device = session.scalar(select(Device).where(Device.device_id == device_id))
        if device is None or device.lifecycle != Lifecycle.ENROLLED:
            raise NotFound(f"no device {device_id}")
        must_be_as_looked_at(session, device, version)
        if name == CommandName.REBOOT and _is_used(device.state):
            raise Conflict(f"{device_id} is in use: it is rebooted when it rests")
        expires_at = now + timedelta(seconds=ttl_s)
        command = DeviceCommand(
            device_pk=device.id, name=name, state=CommandState.QUEUED,
            created_at=now, created_by=actor, expires_at=expires_at,
        )  # fmt: skip
        session.add(command)
        session.flush()
        asked_by = request_id.current.get()
        message = Command(PROTOCOL_VERSION, command.id, asked_by)
        outbox.leave(
            session, device_id, f"cmd/{name}", message, now, expires_at=expires_at,
            command_id=command.id,
        )  # fmt: skip
        after = {"command": name, "id": command.id, "expires_at": expires_at.isoformat()}
        if asked_by is not None:
            after["request_id"] = asked_by
        audit.record(session, actor, "device.command", device_id, now, None, after)
        return command.id


def _is_used(state: DeviceState) -> bool:
    """By its own word, or because somebody has taken it."""
    return state.availability == Availability.IN_USE or state.hold == Hold.TAKEN


def note_answers(session: Session, answers: Sequence[tuple[int, Answer]], now: datetime) -> None:
    """Part of a transaction: (device primary key, answer) each. One to another's command, or to one
    that has ended, changes nothing."""
    for device_pk, answer in answers:
        state = CommandState.ACKNOWLEDGED if answer.done else CommandState.FAILED
        session.execute(
            update(DeviceCommand)
            .where(
                DeviceCommand.id == answer.id,
                DeviceCommand.device_pk == device_pk,
                DeviceCommand.state.in_(STANDING),
            )
            .values(state=state, detail=shortened(answer.reason), ended_at=now)
            .execution_options(synchronize_session=False)
        )


def expire_commands(now: datetime) -> int:
    """What nobody has answered in time; returns how many."""
    with transaction() as session:
        result: Any = session.execute(
            update(DeviceCommand)
            .where(DeviceCommand.state.in_(STANDING), DeviceCommand.expires_at <= now - GRACE)
            .values(state=CommandState.EXPIRED, ended_at=now)
            .execution_options(synchronize_session=False)
        )
        return int(result.rowcount)
