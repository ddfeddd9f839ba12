"""Leave a message for a device; it is spoken after the commit."""

from datetime import datetime
from typing import Any

from msgspec import Raw, Struct
from sqlalchemy import delete, insert
from sqlalchemy.orm import Session

from fleet.store.bulk import chunks
from fleet.store.database import leave_for_last
from fleet.store.outbox import OutboxMessage
from fleet.wire import topics
from fleet.wire.messages import encode


def leave(
    session: Session,
    device_id: str,
    channel: str,
    message: Struct | Raw | None,
    now: datetime,
    retain: bool = False,
    expires_at: datetime | None = None,
    command_id: int | None = None,
) -> None:
    """Part of a transaction: put one message into the outbox, all of them together at its end.

    A retained one replaces what waits on its topic. None clears what the broker retains.
    """
    row = {
        "topic": topics.down(device_id, channel),
        "payload": b"" if message is None else encode(message),
        "retain": retain,
        "created_at": now,
        "expires_at": expires_at,
        "command_id": command_id,
    }
    leave_for_last(session, _append, row)


def _append(session: Session, rows: list[dict[str, Any]]) -> None:
    last = {row["topic"]: at for at, row in enumerate(rows) if row["retain"]}
    for some in chunks(last):
        session.execute(delete(OutboxMessage).where(OutboxMessage.topic.in_(some)))
    kept = [row for at, row in enumerate(rows) if last.get(row["topic"], at) <= at]
    session.execute(insert(OutboxMessage), kept)
