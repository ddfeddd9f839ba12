"""Compliance that silence changes: an old report, or a generation not applied in time."""

from datetime import datetime

from sqlalchemy import select

from fleet.services.compliance import judge_again
from fleet.store.configuration import Configuration
from fleet.store.database import transaction

AT_ONCE = 1_000


def judge_overdue(now: datetime) -> int:
    """Judge again whoever's deadline has passed; returns how many."""
    with transaction() as session:
        due = session.scalars(
            select(Configuration).where(Configuration.judge_after <= now).limit(AT_ONCE)
        ).all()
        for configuration in due:
            judge_again(session, configuration, now)
    return len(due)
