"""Configuration profiles, their immutable versions, and what each is assigned to."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant


class Profile(Base):
    __tablename__ = "profile"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(128))
    kinds: Mapped[list[str]] = mapped_column(JSON, default=list)
    """The kinds of device that it is for."""

    versions: Mapped[list["ProfileVersion"]] = relationship(
        back_populates="profile", order_by="ProfileVersion.number"
    )


class ProfileVersion(Base):
    """Never changed once written. `sha256` is over the part that devices apply (`wire.digest`)."""

    __tablename__ = "profile_version"
    __table_args__ = (UniqueConstraint("profile_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"))
    number: Mapped[int]
    document: Mapped[dict[str, Any]] = mapped_column(JSON)
    document_sha256: Mapped[str] = mapped_column(String(64))
    """Over the whole document: loading the same file again makes no new version."""
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Instant)
    created_by: Mapped[str] = mapped_column(String(80))
    manifest: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The envelope of its signed manifest, once a release key has signed it."""

    profile: Mapped[Profile] = relationship(back_populates="versions")


class Assignment(Base):
    """A profile version for everything of its kinds in one scope; the most specific scope wins.

    `scope_key`: a site's or ward's slug, a kind, or a device id.
    """

    __tablename__ = "assignment"
    __table_args__ = (UniqueConstraint("profile_id", "scope", "scope_key"), NEVER_AGAIN)

    id: Mapped[int] = mapped_column(primary_key=True)
    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"))
    profile_version_id: Mapped[int] = mapped_column(ForeignKey("profile_version.id"))
    scope: Mapped[str] = mapped_column(String(16))
    scope_key: Mapped[str] = mapped_column(String(64))
    assigned_at: Mapped[datetime] = mapped_column(Instant)
    assigned_by: Mapped[str] = mapped_column(String(80))
    version: Mapped[int] = mapped_column(default=1)

    profile: Mapped[Profile] = relationship()
    profile_version: Mapped[ProfileVersion] = relationship()
