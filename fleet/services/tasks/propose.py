"""Put long work up, so that everybody can see what it will change and what not, before it does."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from fleet.domain.access import ALL, Reach
from fleet.domain.bulk import Effect, Picture, effect
from fleet.domain.commands import CommandName
from fleet.domain.tasks import StepState, TaskKind, TaskState
from fleet.services import audit
from fleet.services.errors import Invalid
from fleet.services.register_csv import devices_in
from fleet.services.register_devices import problems_with
from fleet.store.bulk import chunks
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState
from fleet.store.enrolment import EnrolmentToken
from fleet.store.queries.enrolment import WAITS
from fleet.store.queries.whereabouts import within
from fleet.store.site import Ward
from fleet.store.task import Task, TaskStep

MOST_DEVICES = 10_000
"""In one task: as many steps are written in one transaction, some half a second of it."""
MOST_LINES = 50_000
LINES_A_STEP = 200
"""Of an import: all of them are registered, or none."""
LONGEST_WORDS = 512

Step = dict[str, Any]


def propose_bulk(
    kind: str,
    wanted: Mapping[str, str],
    device_ids: Sequence[str],
    actor: str,
    now: datetime,
    reach: Reach = ALL,
) -> int:
    """`wanted`: {"ward": slug} of a move, {"command": name} of a command. Returns the task's id.

    `reach`: where they may change devices; others are passed over, like ids that nobody has.

    Raises Invalid. What changes until it is begun is found out step by step.
    """
    ids = list(dict.fromkeys(device_ids))
    with transaction() as session:
        problems = _problems(session, kind, wanted, ids, reach)
        if problems:
            raise Invalid(problems)
        steps = _steps(session, TaskKind(kind), wanted, ids, reach)
        return _put(session, TaskKind(kind), dict(wanted), steps, actor, now)


def propose_import(text: str, actor: str, now: datetime) -> int:
    """Devices from a table (`services.register_csv`), LINES_A_STEP lines at a time.

    Returns the task's id; what is wrong with lines stands in their steps. Raises Invalid for a
    table that cannot be read at all.
    """
    numbered = devices_in(text, MOST_LINES)
    with transaction() as session:
        steps = []
        for begin in range(0, len(numbered), LINES_A_STEP):
            lines, devices = zip(*numbered[begin : begin + LINES_A_STEP], strict=True)
            wrong = problems_with(session, devices, lines)
            words = "; ".join(f"{name}: {problem}" for name, problem in wrong.items())
            content = {"lines": lines, "devices": [asdict(device) for device in devices]}
            subject = f"lines {lines[0]} to {lines[-1]}"
            told = Effect(None if wrong else f"{len(devices)} devices are registered", words)
            steps.append(_step(subject, told, content))
        return _put(session, TaskKind.IMPORT, {"lines": len(numbered)}, steps, actor, now)


def _problems(
    session: Session, kind: str, wanted: Mapping[str, str], ids: Sequence[str], reach: Reach
) -> dict[str, str]:
    kinds = [each for each in TaskKind if each != TaskKind.IMPORT]
    if kind not in kinds:
        return {"action": f"one of {', '.join(kinds)}"}
    if not 1 <= len(ids) <= MOST_DEVICES:
        return {"devices": f"choose from 1 to {MOST_DEVICES}, not {len(ids)}"}
    ward = wanted.get("ward", "")
    theirs = select(Ward.id).where(Ward.slug == ward, within(Ward.id, reach))
    is_there = session.scalar(theirs) is not None
    if kind == TaskKind.MOVE and not is_there:
        return {"ward": f"no such ward: {ward}" if ward else "choose the ward they move to"}
    if kind == TaskKind.COMMAND and wanted.get("command") not in set(CommandName):
        return {"command": f"one of {', '.join(CommandName)}"}
    return {}


def _steps(
    session: Session, kind: TaskKind, wanted: Mapping[str, str], ids: Sequence[str], reach: Reach
) -> list[Step]:
    """In the order in which they were chosen; ids that nobody has are passed over."""
    waiting = set(session.scalars(select(EnrolmentToken.device_pk).where(*WAITS)))
    found: dict[str, Step] = {}
    query = (
        select(
            Device.id, Device.device_id, Device.version, Device.lifecycle, Ward.slug,
            DeviceState.availability,
        )
        .join(Ward, Ward.id == Device.ward_id)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(within(Device.ward_id, reach))
    )  # fmt: skip
    for some in chunks(ids):
        rows = session.execute(query.where(Device.device_id.in_(some)))
        for pk, device_id, version, lifecycle, ward, availability in rows:
            picture = Picture(lifecycle, ward, availability, pk in waiting)
            told = effect(kind, wanted, picture)
            found[device_id] = _step(device_id, told, {"version": version})
    return [found[device_id] for device_id in ids if device_id in found]


def _step(subject: str, told: Effect, content: dict[str, Any]) -> Step:
    words = told.change or told.refusal or ""
    return {
        "subject": subject,
        "state": StepState.WAITING if told.change else StepState.REFUSED,
        "words": words if len(words) <= LONGEST_WORDS else words[: LONGEST_WORDS - 1] + "…",
        "content": content,
    }


def _put(
    session: Session,
    kind: TaskKind,
    wanted: dict[str, Any],
    steps: list[Step],
    actor: str,
    now: datetime,
) -> int:
    if not steps:
        raise Invalid({"devices": "none of them is known"})
    refused = sum(step["state"] == StepState.REFUSED for step in steps)
    task = Task(
        kind=kind, wanted=wanted, state=TaskState.PROPOSED, created_at=now, created_by=actor,
        steps=len(steps), refused=refused,
    )  # fmt: skip
    session.add(task)
    session.flush()
    rows = [{"task_id": task.id, "place": place, **step} for place, step in enumerate(steps)]
    session.execute(insert(TaskStep), rows)
    after = {"kind": kind, **wanted, "steps": len(steps), "refused": refused}
    audit.record(session, actor, "task.propose", f"task/{task.id}", now, after=after)
    return task.id
