"""The record of what changed, one row for each aspect of a device."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from fleet.domain.events import Change
from fleet.store.alert import Transition
from fleet.store.database import leave_for_last
from fleet.store.driver import BulkInsert

LONGEST = 256
"""What the columns hold; a device may name more failing apps than that."""

_APPEND = BulkInsert(Transition, ("device_pk", "at", "aspect", "old", "new", "detail"))


def record(session: Session, changes: Iterable[tuple[int, Change]], now: datetime) -> None:
    """Part of a transaction: (device primary key, change) each, in one statement."""
    _APPEND.run(session, [_row(pk, change, now) for pk, change in changes])


def record_last(session: Session, device_pk: int, change: Change, now: datetime) -> None:
    """For use cases that come upon changes one by one: written all at once when they end."""
    leave_for_last(session, _append, _row(device_pk, change, now))


def _append(session: Session, rows: list[tuple[Any, ...]]) -> None:
    _APPEND.run(session, rows)


def _row(device_pk: int, change: Change, now: datetime) -> tuple[Any, ...]:
    words = (shortened(text) for text in (change.old, change.new, change.detail))
    return device_pk, now, change.aspect, *words


def shortened(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST else f"{text[: LONGEST - 1]}\u2026"
