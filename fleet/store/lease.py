"""Who may do what only one may do, and when each scheduled job last began."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant


class Lease(Base):
    """Held by one process at a time, until it expires. `epoch` rises whenever it changes hands.

    The epoch stands in a key, so that on PostgreSQL a change of hands waits for the transactions
    that rely on it (FOR KEY SHARE), and a renewal does not.
    """

    __tablename__ = "lease"
    __table_args__ = (UniqueConstraint("name", "epoch"),)

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    epoch: Mapped[int]
    holder: Mapped[str] = mapped_column(String(80))
    expires_at: Mapped[datetime] = mapped_column(Instant)


class JobRun(Base):
    """When a job last began, by whichever process: at most once for each of its turns."""

    __tablename__ = "job_run"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    began_at: Mapped[datetime] = mapped_column(Instant)
