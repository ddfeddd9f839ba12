"""Sites, their wards, and the zones of a ward."""

import json

from sqlalchemy import JSON, REAL, BigInteger, ForeignKey, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.domain.shifts import STARTS
from fleet.store.database import Base


class Site(Base):
    """A hospital. `timezone` is an IANA name: shifts and windows are meant in it.

    `shift_starts`: times like "07:00", ascending; they hold for wards that have none of their own.
    """

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")
    shift_starts: Mapped[list[str]] = mapped_column(JSON, server_default=json.dumps(STARTS))


class Ward(Base):
    """Where devices belong. `revision` rises with every change that its board shows."""

    __tablename__ = "ward"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    revision: Mapped[int] = mapped_column(BigInteger, default=0)
    shift_starts: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    maintenance_windows: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """Like "mon-fri 22:00-05:00", in the site's time zone; none: rollouts may come at any time."""
    min_available: Mapped[int] = mapped_column(default=1, server_default="1")
    """So many of its carts stay available whatever is rolled out."""

    site: Mapped[Site] = relationship()


class Zone(Base):
    """A place in a ward: `code` as devices report it, `name` as people say it."""

    __tablename__ = "zone"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"), index=True)
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(128))
    powered_share: Mapped[float | None] = mapped_column(REAL)
    """Of the readings taken there, the share on power, lately: where it is most of them, devices
    come there to be charged."""
    outline: Mapped[list[list[float]] | None] = mapped_column(JSON(none_as_null=True))
    """Its corners on the ward's floor plan, each [x, y] in percent from the top left."""


SHIFT_STARTS = func.coalesce(Ward.shift_starts, Site.shift_starts, type_=Site.shift_starts.type)
"""In a statement, of a ward joined with its site: its own, or else the site's."""
