"""A profile version is signed: written for the release key, and entered with its signature."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.assign_profile import profile_version
from fleet.services.desired_state import next_generations
from fleet.services.errors import Invalid
from fleet.services.trust import required_trust
from fleet.store.configuration import Configuration
from fleet.store.database import db, transaction
from fleet.store.device import Device
from fleet.store.locks import Lock, take
from fleet.trust.documents import Manifest
from fleet.trust.envelope import payload_digest
from fleet.trust.refusal import Refused
from fleet.wire.envelope import Envelope
from fleet.wire.messages import encode


def manifest_of(slug: str, number: int, now: datetime, lasting: timedelta) -> Manifest:
    """Not signed yet. Raises NotFound."""
    version = profile_version(db.session(), slug, number)
    return Manifest(
        type="profile",
        manifest_id=f"profile-{slug}-{number}"[:64],
        release_counter=number,
        version=str(number),
        document_sha256=version.sha256,
        issued_at=now,
        expires_at=now + lasting,
    )


def sign_profile(slug: str, number: int, envelope: Envelope, actor: str, now: datetime) -> int:
    """Enter the signed manifest; returns how many devices are told the version anew, with it.

    Raises Invalid where it is not signed by a release key, or is about another document.
    """
    with transaction() as session:
        take(session, Lock.ASSIGNMENTS)
        version = profile_version(session, slug, number)
        try:
            manifest = required_trust(session).manifest(envelope, now)
        except Refused as refusal:
            raise Invalid({"manifest": str(refusal)}) from refusal
        if manifest.type != "profile" or manifest.document_sha256 != version.sha256:
            raise Invalid({"manifest": f"is not about version {number} of {slug}"})
        before = {"signed": version.manifest is not None}
        version.manifest = encode(envelope)
        session.flush()
        told = _tell_anew(session, version.id, now)
        subject, after = f"profile/{slug}/{number}", {"manifest_sha256": payload_digest(envelope)}
        audit.record(session, actor, "profile.sign", subject, now, before, after)
        return told


def _tell_anew(session: Session, version_id: int, now: datetime) -> int:
    """In a new generation: who refused the unsigned one, or had it before, follows this one."""
    query = (
        select(Configuration, Device.device_id)
        .join(Device, Device.id == Configuration.device_pk)
        .where(Configuration.profile_version_id == version_id)
        .order_by(Device.id)
        .with_for_update(of=Configuration)
    )
    devices = [(configuration, name) for configuration, name in session.execute(query).all()]
    next_generations(session, devices, now)
    return len(devices)
