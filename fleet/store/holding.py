"""What people have done with devices: who has taken one until when, and what they say is broken."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant

_OPEN = text("ended_at IS NULL")


class CheckOut(Base):
    """One device taken by one person; open until `ended_at`. `due_at`: overdue from then on.

    `ended_as`: returned, undone, or broken.
    """

    __tablename__ = "check_out"
    __table_args__ = (
        Index(
            "uq_check_out_open", "device_pk", unique=True, sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_check_out_due", "due_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        NEVER_AGAIN,
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    taken_at: Mapped[datetime] = mapped_column(Instant)
    taken_by: Mapped[str] = mapped_column(String(80))
    due_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[str | None] = mapped_column(String(80))
    ended_as: Mapped[str | None] = mapped_column(String(16))


class FaultReport(Base):
    """A ticket for IT: what somebody on the ward says is broken (`domain.holding.FAULTS`).

    `state`: open, fixed, or withdrawn. `check_out_id`: the check-out that it has ended.
    """

    __tablename__ = "fault_report"
    __table_args__ = (
        Index(
            "uq_fault_report_open", "device_pk", unique=True, sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        Index("ix_fault_report_ended", "ended_at"),
        NEVER_AGAIN,
    )  # fmt: skip

    id: Mapped[int] = mapped_column(primary_key=True)
    device_pk: Mapped[int] = mapped_column(ForeignKey("device.id"), index=True)
    reason: Mapped[str] = mapped_column(String(24))
    state: Mapped[str] = mapped_column(String(16), default="open")
    reported_at: Mapped[datetime] = mapped_column(Instant)
    reported_by: Mapped[str] = mapped_column(String(80))
    check_out_id: Mapped[int | None] = mapped_column(
        ForeignKey("check_out.id", ondelete="SET NULL")
    )
    ended_at: Mapped[datetime | None] = mapped_column(Instant)
    ended_by: Mapped[str | None] = mapped_column(String(80))
    note: Mapped[str | None] = mapped_column(String(256))
    """What IT did about it."""
