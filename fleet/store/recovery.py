"""Proofs that a backup can be restored: what an auditor asks for every quarter."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant


class RecoveryDrill(Base):
    """One try to restore a backup beside the running system; a failed one is kept as well.

    `sha256` is over the whole file. `audit_id` and `audit_hash` are the end of the audit chain in
    it. `problem` names what differs.
    """

    __tablename__ = "recovery_drill"
    __table_args__ = (Index("ix_recovery_drill_at", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    duration_s: Mapped[float]
    passed: Mapped[bool]
    problem: Mapped[str | None] = mapped_column(String(1024))
    file: Mapped[str | None] = mapped_column(String(128))
    sha256: Mapped[str | None] = mapped_column(String(64))
    taken_at: Mapped[datetime | None] = mapped_column(Instant)
    tables: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int] = mapped_column(BigInteger, default=0)
    audit_id: Mapped[int | None] = mapped_column(BigInteger)
    audit_hash: Mapped[str | None] = mapped_column(String(64))
