"""The record of what changed, one row for each aspect of a device."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from fleet.domain.events import Change
from fleet.store.alert import Transition

LONGEST = 256
"""What the columns hold; a device may name more failing apps than that."""


def record(session: Session, changes: Iterable[tuple[int, Change]], now: datetime) -> None:
    """Part of a transaction: (device primary key, change) each."""
    session.add_all(
        Transition(
            device_pk=pk,
            at=now,
            aspect=change.aspect,
            old=shortened(change.old),
            new=shortened(change.new),
            detail=shortened(change.detail),
        )
        for pk, change in changes
    )


def shortened(text: str | None) -> str | None:
    return text if text is None or len(text) <= LONGEST else f"{text[: LONGEST - 1]}\u2026"
