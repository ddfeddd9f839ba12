"""The record of who changed what, written in the transaction of the change."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from fleet.store.audit import AuditEntry


def record(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    session.add(
        AuditEntry(at=now, actor=actor, action=action, subject=subject, before=before, after=after)
    )
