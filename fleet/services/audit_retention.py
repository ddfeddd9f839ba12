"""Audit entries that have had their time; what is left still proves itself."""

from datetime import datetime

from sqlalchemy import delete, func, select, update

from fleet.services import audit
from fleet.store.audit import AuditChain, AuditEntry
from fleet.store.database import transaction
from fleet.store.queries.audit_chain import FORGET


def forget_old_entries(before: datetime, now: datetime) -> int:
    """Delete the entries before the first of that moment or later; returns how many.

    The hash of the last of them becomes the chain's anchor, and an entry says so.
    """
    with transaction() as session:
        chain = session.execute(select(AuditChain).with_for_update()).scalar_one()
        young = select(func.min(AuditEntry.id)).where(AuditEntry.at >= before)
        first_kept = session.scalar(young) or chain.last_id
        newest_old = session.execute(
            select(AuditEntry.id, AuditEntry.hash)
            .where(AuditEntry.id < first_kept)
            .order_by(AuditEntry.id.desc())
            .limit(1)
        ).one_or_none()
        if newest_old is None:
            return 0
        gone = session.connection().execute(
            delete(AuditEntry).where(AuditEntry.id <= newest_old.id)
        )
        session.execute(
            update(AuditChain).values(
                entries=AuditChain.entries - gone.rowcount,
                anchor_id=newest_old.id,
                anchor_hash=newest_old.hash,
            )
        )
        after = {"entries": gone.rowcount, "id": newest_old.id, "hash": newest_old.hash}
        audit.record(session, "system", FORGET, "audit", now, after=after)
        return gone.rowcount
