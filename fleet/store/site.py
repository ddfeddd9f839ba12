"""Sites, their wards, and the zones of a ward."""

from sqlalchemy import BigInteger, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.store.database import Base


class Site(Base):
    """A hospital. `timezone` is an IANA name: shifts and windows are meant in it."""

    __tablename__ = "site"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    timezone: Mapped[str] = mapped_column(String(64), default="UTC")


class Ward(Base):
    """Where devices belong. `revision` rises with every change that its board shows."""

    __tablename__ = "ward"

    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    revision: Mapped[int] = mapped_column(BigInteger, default=0)

    site: Mapped[Site] = relationship()


class Zone(Base):
    """A place in a ward: `code` as devices report it, `name` as people say it."""

    __tablename__ = "zone"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ward_id: Mapped[int] = mapped_column(ForeignKey("ward.id"), index=True)
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(128))
