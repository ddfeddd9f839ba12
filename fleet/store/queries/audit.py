"""Who did what, the newest first."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import AuditEntry


class Entry(NamedTuple):
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class AuditPage(NamedTuple):
    rows: list[Entry]
    before: int | None


def find_entries(
    subject: str | None = None, before: int | None = None, limit: int = 50
) -> AuditPage:
    query = (
        select(
            AuditEntry.id,
            AuditEntry.at,
            AuditEntry.actor,
            AuditEntry.action,
            AuditEntry.subject,
            AuditEntry.before,
            AuditEntry.after,
        )
        .order_by(AuditEntry.id.desc())
        .limit(limit + 1)
    )
    if subject:
        query = query.where(AuditEntry.subject == subject)
    if before:
        query = query.where(AuditEntry.id < before)
    rows = [Entry(*row) for row in db.session.execute(query)]
    return AuditPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)
