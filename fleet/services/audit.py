"""The record of who changed what, written in the transaction of the change, in one chain."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from fleet.domain.audit_chain import link
from fleet.store.audit import AuditChain, AuditEntry
from fleet.store.database import leave_for_last
from fleet.store.types import from_ms, to_ms

Content = dict[str, Any]


def record(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Part of a transaction: append to the chain, as the last thing before the commit.

    All changes meet at the chain's end. Nobody holds it while waiting for anything else, so nobody
    waits in a circle, and nobody holds it for longer than a commit takes.
    """
    entry = {
        "at": from_ms(to_ms(now)),  # as exact as SQLite keeps it
        "actor": actor,
        "action": action,
        "subject": subject,
        "before": _plain(before),
        "after": _plain(after),
    }
    leave_for_last(session, _append, entry, very_last=True)


def _plain(values: dict[str, Any] | None) -> Any:
    """As it will come out of the database again: words for enumerations, lists for tuples."""
    return json.loads(json.dumps(values, allow_nan=False))


def _append(session: Session, entries: list[Content]) -> None:
    """Their row's lock makes one chain of what concurrent transactions write."""
    chain = select(AuditChain.last_id, AuditChain.last_hash).with_for_update()
    last_id, last_hash = session.execute(chain).one()
    for entry in entries:
        last_id += 1
        entry |= {"id": last_id, "previous_hash": last_hash}
        last_hash = entry["hash"] = link(last_hash, entry)
    session.execute(insert(AuditEntry), entries)
    session.execute(
        update(AuditChain).values(
            entries=AuditChain.entries + len(entries), last_id=last_id, last_hash=last_hash
        )
    )
