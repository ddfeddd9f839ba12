"""What is kept for how long."""

from datetime import datetime, timedelta

from sqlalchemy import Select, delete, func, select

from fleet.store.alert import Alert, Transition
from fleet.store.database import db, transaction
from fleet.store.people import LoginSession, SetupLink
from fleet.store.quarantine import QuarantinedMessage
from fleet.store.reading import Reading

STEP = timedelta(hours=1)
HISTORY_KEPT = timedelta(days=730)
"""What changed and what was wrong, longer than readings: an auditor asks for a year at least."""
QUARANTINE_KEPT = timedelta(days=30)
QUARANTINE_OF_ONE = 500
"""Of one sender so many messages are kept: they are all alike, and a broken one sends for ever."""
QUARANTINE_OF_ALL = 50_000


def forget_old(readings_before: datetime, now: datetime) -> int:
    """Delete readings received before that moment, and what else has had its time.

    An hour's worth in a transaction, from the oldest on, so that ingest never waits long.
    """
    deleted = 0
    while (oldest := _oldest()) is not None and oldest < readings_before:
        with transaction() as session:
            until = min(oldest + STEP, readings_before)
            doomed = delete(Reading).where(Reading.received_at < until)
            deleted += session.connection().execute(doomed).rowcount
    with transaction() as session:
        session.execute(
            delete(QuarantinedMessage).where(QuarantinedMessage.received_at < now - QUARANTINE_KEPT)
        )
        session.execute(delete(QuarantinedMessage).where(QuarantinedMessage.id.in_(_too_many())))
        session.execute(delete(Transition).where(Transition.at < now - HISTORY_KEPT))
        session.execute(delete(Alert).where(Alert.resolved_at < now - HISTORY_KEPT))
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
        session.execute(delete(SetupLink).where(SetupLink.expires_at < now))
    return deleted


def _too_many() -> Select[int]:
    """Quarantined messages beyond the newest of their sender, and beyond the newest of all."""
    newest_first = QuarantinedMessage.id.desc()
    ranked = select(
        QuarantinedMessage.id,
        func.row_number()
        .over(partition_by=QuarantinedMessage.device_id, order_by=newest_first)
        .label("of_one"),
        func.row_number().over(order_by=newest_first).label("of_all"),
    ).subquery()
    return select(ranked.c.id).where(
        (ranked.c.of_one > QUARANTINE_OF_ONE) | (ranked.c.of_all > QUARANTINE_OF_ALL)
    )


def _oldest() -> datetime | None:
    oldest = db.session.scalar(select(func.min(Reading.received_at)))
    db.session.rollback()
    return oldest
