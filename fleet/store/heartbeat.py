"""Signs of life of the service's own processes: what `/readyz` believes."""

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.metrics import Family
from fleet.store.database import Base
from fleet.store.types import Instant


class ServiceInstance(Base):
    """One running process; it writes its row anew every few seconds, and removes it as it ends.

    A row that has grown old is a process that was killed, or cannot reach the database.
    """

    __tablename__ = "service_instance"

    process: Mapped[str] = mapped_column(String(16), primary_key=True)
    """`ingest`, `schedule` or `web`."""
    instance: Mapped[str] = mapped_column(String(80), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(Instant)
    at: Mapped[datetime] = mapped_column(Instant)
    version: Mapped[str] = mapped_column(String(32))
    host: Mapped[str] = mapped_column(String(64))
    pid: Mapped[int]
    broker_connected: Mapped[bool | None]
    lag_ms: Mapped[int | None]
    """How late it hears what was sent to it; None where it has not heard for a while."""
    problem: Mapped[str | None] = mapped_column(String(256))
    """Why it cannot do its work: the database's words, where that refuses what it writes."""
    metrics: Mapped[list[Family]] = mapped_column(JSON)
    """`fleet.metrics.snapshot`."""


class ServiceHeartbeat(Base):
    """`round_trip`: when the newest message was sent that went through all of the service."""

    __tablename__ = "service_heartbeat"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
