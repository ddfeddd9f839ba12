"""The steps of long work, each a use case in its own transaction, done exactly once.

That a step is done is written in the transaction that does it (`store.database.fenced`): a process
that is killed between two steps, or within one, leaves nothing half done and nothing to do twice.
Whoever comes next goes on: `schedule`, or the page that began it.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from fleet import request_id
from fleet.domain.tasks import AT_WORK, StepState, TaskKind, TaskState
from fleet.services.approve_device import approve_device
from fleet.services.change_device import change_device
from fleet.services.decommission_device import decommission_device
from fleet.services.errors import ServiceError
from fleet.services.leadership import NotLeading
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.send_command import send_command
from fleet.services.tasks.propose import LONGEST_WORDS
from fleet.services.tasks.rights import Lost, must_reach_step, present_reach
from fleet.services.tasks.steer import cancel_lost, forget_tasks
from fleet.store.database import db, fenced, is_passing, transaction
from fleet.store.task import Task, TaskStep

log = logging.getLogger(__name__)

STEPS_A_TURN = 200
FAULT = "a fault of the service: see the log"

Job = tuple[str, Mapping[str, Any], str, Mapping[str, Any], datetime]
"""Subject, content of the step, actor, what is wanted of the whole, now."""


class Taken(Exception):
    """Somebody else has done the step, or the task was cancelled."""


def _move(job: Job) -> None:
    device_id, content, actor, wanted, now = job
    change_device(device_id, {"ward": wanted["ward"]}, actor, now, content["version"])


def _decommission(job: Job) -> None:
    device_id, content, actor, _, now = job
    decommission_device(device_id, actor, now, content["version"])


def _command(job: Job) -> None:
    device_id, content, actor, wanted, now = job
    send_command(device_id, wanted["command"], actor, now, version=content["version"])


def _approve(job: Job) -> None:
    device_id, content, actor, _, now = job
    approve_device(device_id, actor, now, content["version"])


def _import(job: Job) -> None:
    _, content, actor, _, now = job
    devices = [NewDevice(**device) for device in content["devices"]]
    register_devices(devices, actor, now, lines=content["lines"])


DO: Mapping[str, Callable[[Job], None]] = {
    TaskKind.MOVE: _move,
    TaskKind.DECOMMISSION: _decommission,
    TaskKind.COMMAND: _command,
    TaskKind.APPROVE: _approve,
    TaskKind.IMPORT: _import,
}


def work_tasks(now: datetime, most: int = STEPS_A_TURN) -> int:
    """The next steps of the oldest task; returns how many. A job of `schedule`.

    A task that cannot be worked on holds up no other; the job fails at the end, and says of what.
    """
    forget_tasks(now)
    done = 0
    problem: Exception | None = None
    for task_id in _begun():
        try:
            done += work_on(task_id, now, most - done)
        except NotLeading:
            raise
        except Exception as error:
            log.exception("task %s", task_id)
            problem = problem or error
        if done >= most:
            break
    if problem is not None:
        raise problem
    return done


def work_on(task_id: int, now: datetime, most: int = STEPS_A_TURN) -> int:
    """At most so many of its steps; at the last of them it is done."""
    with request_id.known_as(f"task-{task_id}"):
        return _work_on(task_id, now, most)


def _work_on(task_id: int, now: datetime, most: int) -> int:
    _start(task_id, now)
    task = _read_task(task_id)
    steps = _waiting(task_id, most)
    for place, subject, content in steps:
        job = (subject, content, task.created_by, task.wanted, now)
        try:
            with fenced(partial(_claim, task_id, place)), fenced(partial(_allow, task.kind, job)):
                DO[task.kind](job)
        except Taken:
            break
        except Lost:
            cancel_lost(task_id, now)
            break
        except (ServiceError, IntegrityError) as problem:
            words = getattr(problem, "message", "somebody else has changed it at this moment")
            _refuse(task_id, place, words)
        except NotLeading:
            raise
        except Exception as error:
            if is_passing(error):
                raise
            log.exception("task %s, step %s", task_id, place)
            _refuse(task_id, place, FAULT)
    if len(steps) < most:
        _finish(task_id, now)
    return len(steps)


def _begun() -> list[int]:
    query = select(Task.id).where(Task.state.in_(AT_WORK)).order_by(Task.id)
    ids = list(db.session.scalars(query))
    db.session.rollback()
    return ids


def _start(task_id: int, now: datetime) -> None:
    with transaction() as session:
        session.execute(
            update(Task)
            .where(Task.id == task_id, Task.state == TaskState.QUEUED)
            .values(state=TaskState.RUNNING, started_at=now)
            .execution_options(synchronize_session=False)
        )


def _read_task(task_id: int) -> Any:
    query = select(Task.kind, Task.wanted, Task.created_by).where(Task.id == task_id)
    return db.session.execute(query).one()


def _waiting(task_id: int, most: int) -> list[tuple[int, str, dict[str, Any]]]:
    query = (
        select(TaskStep.place, TaskStep.subject, TaskStep.content)
        .where(TaskStep.task_id == task_id, TaskStep.state == StepState.WAITING)
        .order_by(TaskStep.place)
        .limit(most)
    )
    found = [(row[0], row[1], row[2]) for row in db.session.execute(query)]
    db.session.rollback()
    return found


def _claim(task_id: int, place: int, session: Session) -> None:
    """Part of the step's own transaction. Raises Taken."""
    _count(session, task_id, "done")
    _mark(session, task_id, place, state=StepState.DONE)


def _allow(kind: str, job: Job, session: Session) -> None:
    """Part of the step's own transaction: by what they have at this moment. Raises Conflict."""
    subject, _, actor, wanted, now = job
    must_reach_step(session, present_reach(session, actor, now), kind, subject, wanted)


def _refuse(task_id: int, place: int, words: str) -> None:
    with suppress(Taken), transaction() as session:
        _count(session, task_id, "refused")
        _mark(session, task_id, place, state=StepState.REFUSED, words=words[:LONGEST_WORDS])


def _count(session: Session, task_id: int, column: str) -> None:
    counted = session.execute(
        update(Task)
        .where(Task.id == task_id, Task.state == TaskState.RUNNING)
        .values({column: getattr(Task, column) + 1})
        .returning(Task.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not counted:
        raise Taken


def _mark(session: Session, task_id: int, place: int, **values: Any) -> None:
    step = TaskStep
    marked = session.execute(
        update(step)
        .where(step.task_id == task_id, step.place == place, step.state == StepState.WAITING)
        .values(**values)
        .returning(step.place)
        .execution_options(synchronize_session=False)
    ).all()
    if not marked:
        raise Taken


def _finish(task_id: int, now: datetime) -> None:
    with transaction() as session:
        session.execute(
            update(Task)
            .where(
                Task.id == task_id,
                Task.state == TaskState.RUNNING,
                Task.done + Task.refused == Task.steps,
            )
            .values(state=TaskState.DONE, ended_at=now)
            .execution_options(synchronize_session=False)
        )
