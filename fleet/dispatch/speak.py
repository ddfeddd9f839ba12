"""Speak what waits in the outbox, oldest first; a row goes when the broker has taken it."""

from datetime import datetime
from time import monotonic
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from fleet.dispatch.publisher import Publisher
from fleet.domain.commands import CommandState
from fleet.metrics import REGISTRY
from fleet.store.database import db, transaction
from fleet.store.outbox import OutboxMessage
from fleet.store.rollout import DeviceCommand

AT_ONCE = 500
PATIENCE_S = 5.0
"""For all of them together: a broker that has stopped taking would keep us for ever."""

_taken = Counter("wardfleet_outbox_taken", "Messages that the broker has taken.", registry=REGISTRY)
_expired = Counter(
    "wardfleet_outbox_expired", "Messages that nobody took in time.", registry=REGISTRY
)

_NEXT = (
    select(
        OutboxMessage.id,
        OutboxMessage.topic,
        OutboxMessage.payload,
        OutboxMessage.retain,
        OutboxMessage.expires_at,
        OutboxMessage.command_id,
    )
    .order_by(OutboxMessage.id)
    .limit(AT_ONCE)
)


def speak(publisher: Publisher, now: datetime) -> int:
    """Returns how many were spoken. What the broker has not taken stays for the next time."""
    if not publisher.is_connected:
        return 0
    waiting = db.session.execute(_NEXT).all()
    db.session.rollback()
    done = [m.id for m in waiting if m.expires_at is not None and m.expires_at <= now]
    expired = len(done)
    spoken = [
        (m.id, publisher.publish(m.topic, m.payload, m.retain, _seconds_left(m, now)))
        for m in waiting
        if m.id not in done
    ]
    deadline = monotonic() + PATIENCE_S
    done += [m_id for m_id, receipt in spoken if receipt.wait(max(deadline - monotonic(), 0))]
    taken = set(done[expired:])
    if done:
        with transaction() as session:
            session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(done)))
            _note_commands(session, [m.command_id for m in waiting if m.id in taken], now)
        _expired.inc(expired)
        _taken.inc(len(done) - expired)
    return len(done)


def _note_commands(session: Session, command_ids: list[int | None], now: datetime) -> None:
    """The broker has them. One that was answered meanwhile is beyond that."""
    if any(command_ids):
        session.execute(
            update(DeviceCommand)
            .where(DeviceCommand.id.in_([each for each in command_ids if each]))
            .where(DeviceCommand.state == CommandState.QUEUED)
            .values(state=CommandState.PUBLISHED, published_at=now)
            .execution_options(synchronize_session=False)
        )


def _seconds_left(message: Row[*tuple[Any, ...]], now: datetime) -> int | None:
    if message.expires_at is None:
        return None
    return max(int((message.expires_at - now).total_seconds()), 1)
