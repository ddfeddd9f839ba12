"""Signs of life of the service's own processes: what `/readyz` believes."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant


class ServiceHeartbeat(Base):
    """`ingest`: broker and database reached; `round_trip`: a message went through all of it."""

    __tablename__ = "service_heartbeat"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    broker_connected: Mapped[bool] = mapped_column(default=False)
