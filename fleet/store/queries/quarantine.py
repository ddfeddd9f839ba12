"""Messages that could not be accepted, and the strangers among their senders."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.store.database import db
from fleet.store.models import Device, QuarantinedMessage


class Quarantined(NamedTuple):
    id: int
    received_at: datetime
    topic: str
    device_id: str | None
    reason: str
    size_bytes: int
    payload_start: bytes


class QuarantinePage(NamedTuple):
    rows: list[Quarantined]
    before: int | None


class Stranger(NamedTuple):
    """A device id that speaks, and that nobody has registered."""

    device_id: str
    messages: int
    last_at: datetime


def find_quarantined(
    device_id: str | None = None, before: int | None = None, limit: int = 50
) -> QuarantinePage:
    """The newest first."""
    message = QuarantinedMessage
    query = (
        select(
            message.id,
            message.received_at,
            message.topic,
            message.device_id,
            message.reason,
            message.size_bytes,
            message.payload_start,
        )
        .order_by(message.id.desc())
        .limit(limit + 1)
    )
    if device_id:
        query = query.where(message.device_id == device_id)
    if before:
        query = query.where(message.id < before)
    rows = [Quarantined(*row) for row in db.session.execute(query)]
    return QuarantinePage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def strangers(since: datetime, limit: int = 50) -> list[Stranger]:
    """Who is not registered and has spoken since then; the latest speaker first."""
    last_at = func.max(QuarantinedMessage.received_at, type_=QuarantinedMessage.received_at.type)
    query = (
        select(QuarantinedMessage.device_id, func.count(), last_at)
        .outerjoin(Device, Device.device_id == QuarantinedMessage.device_id)
        .where(
            QuarantinedMessage.received_at >= since,
            QuarantinedMessage.device_id.is_not(None),
            Device.id.is_(None),
        )
        .group_by(QuarantinedMessage.device_id)
        .order_by(last_at.desc())
        .limit(limit)
    )
    return [Stranger(name or "", count, last) for name, count, last in db.session.execute(query)]
