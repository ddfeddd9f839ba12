"""What is signed, and until when."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.store.models import Assignment, FirmwareRelease, Profile, ProfileVersion, TrustVersion


def newest_trust(session: Session) -> bytes | None:
    """The envelope of the trust document in force; None while trust is not switched on."""
    query = select(TrustVersion.envelope).order_by(TrustVersion.version.desc())
    return session.scalar(query.limit(1))


def trust_ends_at(session: Session) -> datetime | None:
    query = select(TrustVersion.expires_at).order_by(TrustVersion.version.desc())
    return session.scalar(query.limit(1))


def assigned_versions(session: Session) -> list[tuple[str, int, bytes | None]]:
    """Slug, number and signed manifest of every profile version that is assigned."""
    query = (
        select(Profile.slug, ProfileVersion.number, ProfileVersion.manifest)
        .join(ProfileVersion, ProfileVersion.profile_id == Profile.id)
        .where(ProfileVersion.id.in_(select(Assignment.profile_version_id)))
        .order_by(Profile.slug, ProfileVersion.number)
    )
    return [(slug, number, manifest) for slug, number, manifest in session.execute(query)]


def newest_release(session: Session) -> tuple[str, datetime] | None:
    """Its id, and when its manifest expires."""
    query = select(FirmwareRelease.manifest_id, FirmwareRelease.expires_at)
    row = session.execute(query.order_by(FirmwareRelease.id.desc()).limit(1)).first()
    return (row[0], row[1]) if row else None
