"""Where things are: a picture of each ward, and which wards are near it."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import Base
from fleet.store.types import Instant


class FloorPlan(Base):
    """The picture of a ward as it was made harmless (`services.floor_plans`)."""

    __tablename__ = "floor_plan"

    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"), primary_key=True)
    media_type: Mapped[str] = mapped_column(String(32))
    picture: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int]
    height: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    set_at: Mapped[datetime] = mapped_column(Instant)
    set_by: Mapped[str] = mapped_column(String(80))


class WardNeighbour(Base):
    """IT says which wards are near, the nearest first (`place` 1)."""

    __tablename__ = "ward_neighbour"

    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"), primary_key=True)
    neighbour_id: Mapped[int] = mapped_column(ForeignKey("ward.id"), primary_key=True, index=True)
    place: Mapped[int] = mapped_column(SmallInteger)
