"""What is kept for how long."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from fleet.store.database import db, transaction
from fleet.store.people import LoginSession, SetupLink
from fleet.store.quarantine import QuarantinedMessage
from fleet.store.reading import Reading

STEP = timedelta(hours=1)
QUARANTINE_KEPT = timedelta(days=30)


def forget_old(readings_before: datetime, now: datetime) -> int:
    """Delete readings received before that moment, and what else has had its time.

    An hour's worth in a transaction, from the oldest on, so that ingest never waits long.
    """
    deleted = 0
    while (oldest := _oldest()) is not None and oldest < readings_before:
        with transaction() as session:
            until = min(oldest + STEP, readings_before)
            result = session.execute(delete(Reading).where(Reading.received_at < until))
            deleted += result.rowcount  # type: ignore[attr-defined]
    with transaction() as session:
        session.execute(
            delete(QuarantinedMessage).where(QuarantinedMessage.received_at < now - QUARANTINE_KEPT)
        )
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
        session.execute(delete(SetupLink).where(SetupLink.expires_at < now))
    return deleted


def _oldest() -> datetime | None:
    oldest = db.session.scalar(select(func.min(Reading.received_at)))
    db.session.rollback()
    return oldest
