"""Leave a message for a device; it is spoken after the commit."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import delete
from sqlalchemy.orm import Session

from fleet.store.outbox import OutboxMessage
from fleet.wire import topics
from fleet.wire.messages import encode


def leave(
    session: Session,
    device_id: str,
    channel: str,
    message: Struct | None,
    now: datetime,
    retain: bool = False,
    expires_at: datetime | None = None,
) -> None:
    """Put one message into the outbox. A retained one replaces what waits on its topic.

    None clears what the broker retains.
    """
    topic = topics.down(device_id, channel)
    if retain:
        session.execute(delete(OutboxMessage).where(OutboxMessage.topic == topic))
    session.add(
        OutboxMessage(
            topic=topic,
            payload=b"" if message is None else encode(message),
            retain=retain,
            created_at=now,
            expires_at=expires_at,
        )
    )
