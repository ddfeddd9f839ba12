"""Trust documents and firmware releases, as they were signed. No private key is ever in here."""

from datetime import datetime

from sqlalchemy import JSON, BigInteger, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from fleet.store.database import NEVER_AGAIN, Base
from fleet.store.types import Instant


class TrustVersion(Base):
    """One link of the chain that devices follow; the highest version is in force."""

    __tablename__ = "trust_version"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    installed_at: Mapped[datetime] = mapped_column(Instant)
    installed_by: Mapped[str] = mapped_column(String(80))


class FirmwareRelease(Base):
    """A signed manifest, and what it says. Never changed, but for the root's leave to go back.

    The artifact is a file in the data directory, by its SHA-256.
    """

    __tablename__ = "firmware_release"
    __table_args__ = (NEVER_AGAIN,)

    id: Mapped[int] = mapped_column(primary_key=True)
    manifest_id: Mapped[str] = mapped_column(String(64), unique=True)
    manifest_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    version: Mapped[str] = mapped_column(String(64))
    release_counter: Mapped[int] = mapped_column(BigInteger)
    hardware_ids: Mapped[list[str]] = mapped_column(JSON)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    length: Mapped[int] = mapped_column(BigInteger)
    issued_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    envelope: Mapped[bytes] = mapped_column(LargeBinary)
    downgrade: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The envelope of the newest leave to go back to this release."""
    added_at: Mapped[datetime] = mapped_column(Instant)
    added_by: Mapped[str] = mapped_column(String(80))
