"""Long work as it stands, the newest first, and the steps of one."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select

from fleet.store.database import db
from fleet.store.models import Device, SavedFilter, Task, TaskStep, User


class TaskRow(NamedTuple):
    id: int
    kind: str
    wanted: dict[str, Any]
    state: str
    created_at: datetime
    created_by: str
    started_at: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    steps: int
    done: int
    refused: int

    @property
    def waiting(self) -> int:
        return self.steps - self.done - self.refused

    @property
    def percent(self) -> int:
        return 100 * (self.done + self.refused) // self.steps if self.steps else 100


class TaskPage(NamedTuple):
    rows: list[TaskRow]
    before: int | None


class StepRow(NamedTuple):
    """`asset_tag`: of a step that is about one device."""

    place: int
    subject: str
    asset_tag: str | None
    state: str
    words: str | None


class StepPage(NamedTuple):
    rows: list[StepRow]
    after: int | None


class KeptFilter(NamedTuple):
    id: int
    name: str
    query: str


_TASKS = select(
    Task.id, Task.kind, Task.wanted, Task.state, Task.created_at, Task.created_by, Task.started_at,
    Task.ended_at, Task.ended_by, Task.steps, Task.done, Task.refused,
)  # fmt: skip


def find_tasks(
    state: str | None = None,
    before: int | None = None,
    limit: int = 50,
    by: str | None = None,
) -> TaskPage:
    """`by`: of that person alone."""
    query: Select[*tuple[Any, ...]] = _TASKS.order_by(Task.id.desc()).limit(limit + 1)
    if state:
        query = query.where(Task.state == state)
    if before is not None:
        query = query.where(Task.id < before)
    if by is not None:
        query = query.where(Task.created_by == by)
    rows = [TaskRow(*row) for row in db.session.execute(query)]
    return TaskPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def task_row(task_id: int) -> TaskRow | None:
    row = db.session.execute(_TASKS.where(Task.id == task_id)).first()
    return TaskRow(*row) if row else None


def steps_of(
    task_id: int, state: str | None = None, after: int | None = None, limit: int = 100
) -> StepPage:
    step = TaskStep
    query = (
        select(step.place, step.subject, Device.asset_tag, step.state, step.words)
        .outerjoin(Device, Device.device_id == step.subject)
        .where(step.task_id == task_id)
        .order_by(step.place)
        .limit(limit + 1)
    )
    if state:
        query = query.where(step.state == state)
    if after is not None:
        query = query.where(step.place > after)
    rows = [StepRow(*row) for row in db.session.execute(query)]
    return StepPage(rows[:limit], rows[limit - 1].place if len(rows) > limit else None)


def filters_of(username: str, page: str) -> Sequence[KeptFilter]:
    query = (
        select(SavedFilter.id, SavedFilter.name, SavedFilter.query)
        .join(User, User.id == SavedFilter.user_id)
        .where(User.username == username, SavedFilter.page == page)
        .order_by(func.lower(SavedFilter.name))
    )
    return [KeptFilter(*row) for row in db.session.execute(query)]
