"""Long work and its steps; filters that people have kept."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.domain.tasks import StepState, TaskState
from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant


class Task(Base):
    """Long work on behalf of `created_by`. `done` and `refused` count its steps.

    They rise in the transactions of the steps themselves: after a crash nothing is done twice.
    """

    __tablename__ = "task"
    __table_args__ = (Index("ix_task_state", "state", "id"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(16), default=TaskState.PROPOSED)
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(80))
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[str | None] = mapped_column(String(80))
    """Who cancelled it."""
    steps: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)


class TaskStep(Base):
    """One use case, in one transaction. `subject`: the device, or the lines of an import.

    `words`: what changes, or why nothing does. `content`: what the use case is given.
    """

    __tablename__ = "task_step"
    __table_args__ = (Index("ix_task_step_state", "task_id", "state", "place"),)

    task_id: Mapped[int] = mapped_column(
        ForeignKey("task.id", ondelete="CASCADE"), primary_key=True
    )
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subject: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(16), default=StepState.WAITING)
    words: Mapped[str | None] = mapped_column(String(512))
    content: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class SavedFilter(Base):
    """A filter of one of the console's lists, as it stands in the address, under a name."""

    __tablename__ = "saved_filter"
    __table_args__ = (UniqueConstraint("user_id", "page", "name"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user_account.id"))
    page: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    query: Mapped[str] = mapped_column(String(1024))
    created_at: Mapped[datetime] = mapped_column(Instant)
