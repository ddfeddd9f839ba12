"""The drills: what an auditor asks for, and what the console shows of it."""

from collections.abc import Sequence

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import RecoveryDrill


def drills(limit: int = 100) -> Sequence[RecoveryDrill]:
    """The newest first."""
    return db.session.scalars(
        select(RecoveryDrill)
        .order_by(RecoveryDrill.at.desc(), RecoveryDrill.id.desc())
        .limit(limit)
    ).all()


def newest_drill() -> RecoveryDrill | None:
    return next(iter(drills(1)), None)
