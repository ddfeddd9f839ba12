"""Who did what, the newest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, select

from fleet.store.database import db
from fleet.store.models import AuditEntry
from fleet.store.queries.search import begins


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What is asked for; None asks for nothing. `who` and `what` may be the beginning of it.

    `since` and `until` are moments: from the first, up to but not the second.
    """

    who: str | None = None
    what: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class Entry(NamedTuple):
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str


class AuditPage(NamedTuple):
    rows: list[Entry]
    before: int | None


def find_entries(
    wanted: AuditFilter | None = None, before: int | None = None, limit: int = 50
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
            AuditEntry.hash,
        )
        .where(*_conditions(wanted or AuditFilter()))
        .order_by(AuditEntry.id.desc())
        .limit(limit + 1)
    )
    if before:
        query = query.where(AuditEntry.id < before)
    rows = [Entry(*row) for row in db.session.execute(query)]
    return AuditPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.who:
        found.append(begins(AuditEntry.actor, wanted.who))
    if wanted.what:
        found.append(begins(AuditEntry.action, wanted.what))
    if wanted.subject:
        found.append(AuditEntry.subject == wanted.subject)
    if wanted.since:
        found.append(AuditEntry.at >= wanted.since)
    if wanted.until:
        found.append(AuditEntry.at < wanted.until)
    return found
