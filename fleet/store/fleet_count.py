"""The whole fleet, counted: what the overview shows, and would take long to count for each look."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant


class FleetCount(Base):
    """One row, written anew by `schedule` (`services.count_fleet`). `counts`: as JSON has them."""

    __tablename__ = "fleet_count"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(Instant)
    counts: Mapped[dict[str, Any]] = mapped_column(JSON)
