"""Long work is begun by who proposed it, and cancelled by whoever may."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fleet.domain.tasks import UNFINISHED, TaskKind, TaskState
from fleet.services import audit
from fleet.services.errors import Conflict, NotFound
from fleet.services.tasks.rights import Lost, present_reach
from fleet.store.database import db, transaction
from fleet.store.task import Task, TaskStep

PROPOSED_FOR = timedelta(days=1)
KEPT_FOR = timedelta(days=90)
SYSTEM = "system"


def begin_task(task_id: int, actor: str, now: datetime) -> None:
    """Its steps are done from now on, in that person's name. Raises NotFound, Conflict.

    Where they may not do it any more it is cancelled.
    """
    try:
        _begin(task_id, actor, now)
    except Lost:
        cancel_lost(task_id, now)
        raise


def _begin(task_id: int, actor: str, now: datetime) -> None:
    with transaction() as session:
        task = _task(session, task_id)
        if task.created_by != actor:
            raise Conflict("only who has proposed it can begin it: it is done in their name")
        reach = present_reach(session, actor, now)
        if task.kind == TaskKind.IMPORT and not reach.everything:
            raise Conflict("an import is for who may change every device")
        if task.done + task.refused == task.steps:
            raise Conflict("there is nothing to do")
        _change(session, task, {TaskState.PROPOSED}, TaskState.QUEUED, actor, "task.begin", now)


def cancel_task(task_id: int, actor: str, now: datetime) -> None:
    """No further step is begun; what was done stays done. Raises NotFound, Conflict."""
    with transaction() as session:
        task = _task(session, task_id)
        _change(session, task, UNFINISHED, TaskState.CANCELLED, actor, "task.cancel", now)
        task.ended_at, task.ended_by = now, actor


def cancel_lost(task_id: int, now: datetime) -> None:
    """Who has proposed it may not do it any more. Nothing where it has ended meanwhile."""
    with suppress(Conflict):
        cancel_task(task_id, SYSTEM, now)


def forget_tasks(now: datetime) -> None:
    """What nobody has begun in a day, and what ended long ago."""
    old = select(Task.id).where(
        (Task.state.not_in(UNFINISHED) & (Task.ended_at < now - KEPT_FOR))
        | ((Task.state == TaskState.PROPOSED) & (Task.created_at < now - PROPOSED_FOR))
    )
    found = db.session.scalar(old.limit(1))
    db.session.rollback()
    if found is None:
        return
    with transaction() as session:
        keys = list(session.scalars(old.limit(20).with_for_update()))
        session.execute(delete(TaskStep).where(TaskStep.task_id.in_(keys)))
        session.execute(delete(Task).where(Task.id.in_(keys)))


def _task(session: Session, task_id: int) -> Task:
    task = session.get(Task, task_id)
    if task is None:
        raise NotFound(f"no task {task_id}")
    return task


def _change(
    session: Session,
    task: Task,
    those: Collection[TaskState],
    state: TaskState,
    actor: str,
    action: str,
    now: datetime,
) -> None:
    changed = session.execute(
        update(Task)
        .where(Task.id == task.id, Task.state.in_(those))
        .values(state=state)
        .returning(Task.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise Conflict(f"it is {task.state} already")
    before, after = {"state": task.state, "done": task.done}, {"state": str(state)}
    session.refresh(task)
    audit.record(session, actor, action, f"task/{task.id}", now, before, after)
