"""A firmware release is entered: its signed manifest in the database, its file beside it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.errors import Conflict, Invalid
from fleet.services.trust import required_trust
from fleet.store.artifacts import Artifacts, WrongFile
from fleet.store.database import db, transaction
from fleet.store.firmware import FirmwareRelease
from fleet.store.locks import Lock, take
from fleet.trust.documents import Artifact, Downgrade, Manifest
from fleet.trust.envelope import payload_digest
from fleet.trust.refusal import Refused
from fleet.trust.verify import Trust, check_counter
from fleet.wire.envelope import Envelope
from fleet.wire.messages import encode


@dataclass(frozen=True, slots=True)
class Added:
    """`is_new` is false where it was there: then only its file is put back, if it was missing."""

    id: int
    version: str
    is_new: bool


def add_release(
    file: Path,
    envelope: Envelope,
    artifacts: Artifacts,
    actor: str,
    now: datetime,
    downgrade: Envelope | None = None,
) -> Added:
    """Raises Invalid, naming what is wrong: the manifest, the file, the downgrade; and Conflict."""
    manifest, artifact = _firmware(required_trust(db.session()), envelope, now)
    if not artifacts.has(artifact.sha256, artifact.length):
        try:
            artifacts.keep(file, artifact.sha256, artifact.length)
        except (WrongFile, OSError) as error:
            raise Invalid({"file": str(error)}) from error
    with transaction() as session:
        take(session, Lock.RELEASES)
        digest = payload_digest(envelope)
        there = select(FirmwareRelease.id).where(FirmwareRelease.manifest_sha256 == digest)
        if (known := session.scalar(there)) is not None:
            return Added(known, manifest.version, is_new=False)
        leave = _leave(required_trust(session), downgrade, now)
        _check_name(session, manifest)
        _check_order(session, manifest, envelope, leave)
        row = _row(manifest, artifact, envelope, actor, now)
        row.downgrade = encode(downgrade) if downgrade else None
        session.add(row)
        session.flush()
        subject, after = f"firmware/{row.id}", _picture(manifest, artifact, digest)
        audit.record(session, actor, "firmware.add", subject, now, after=after)
        return Added(row.id, row.version, is_new=True)


def _firmware(trust: Trust, envelope: Envelope, now: datetime) -> tuple[Manifest, Artifact]:
    try:
        manifest = trust.manifest(envelope, now)
    except Refused as refusal:
        raise Invalid({"manifest": str(refusal)}) from refusal
    if manifest.type != "firmware" or manifest.artifact is None:
        raise Invalid({"manifest": f"is of a {manifest.type}; it must be of a firmware"})
    return manifest, manifest.artifact


def _leave(trust: Trust, downgrade: Envelope | None, now: datetime) -> Downgrade | None:
    if downgrade is None:
        return None
    try:
        return trust.downgrade(downgrade, now)
    except Refused as refusal:
        raise Invalid({"downgrade": str(refusal)}) from refusal


def _check_name(session: Session, manifest: Manifest) -> None:
    named = select(FirmwareRelease.id).where(FirmwareRelease.manifest_id == manifest.manifest_id)
    if session.scalar(named) is not None:
        raise Conflict(f"there is another release with the manifest id {manifest.manifest_id}")


def _check_order(
    session: Session, manifest: Manifest, envelope: Envelope, leave: Downgrade | None
) -> None:
    """Devices of one hardware go from counter to counter, and never back by themselves."""
    wanted = set(manifest.hardware_ids)
    releases = session.execute(
        select(
            FirmwareRelease.version, FirmwareRelease.release_counter, FirmwareRelease.hardware_ids
        )
    )
    of_this = [(counter, version) for version, counter, ids in releases if wanted & set(ids)]
    counter, version = max(of_this, default=(0, ""))
    if any(manifest.release_counter == taken for taken, _ in of_this):
        raise Conflict(
            f"release counter {manifest.release_counter} is taken; {counter + 1} is next"
        )
    try:
        check_counter(manifest, envelope, counter, leave)
    except Refused as refusal:
        problem = (
            f"{refusal} (version {version}); take {counter + 1}, or a downgrade that the root signs"
        )
        raise Invalid({"manifest": problem}) from refusal


def _row(
    manifest: Manifest, artifact: Artifact, envelope: Envelope, actor: str, now: datetime
) -> FirmwareRelease:
    return FirmwareRelease(
        manifest_id=manifest.manifest_id,
        manifest_sha256=payload_digest(envelope),
        version=manifest.version,
        release_counter=manifest.release_counter,
        hardware_ids=manifest.hardware_ids,
        sha256=artifact.sha256,
        length=artifact.length,
        issued_at=manifest.issued_at,
        expires_at=manifest.expires_at,
        envelope=encode(envelope),
        added_at=now,
        added_by=actor,
    )


def _picture(manifest: Manifest, artifact: Artifact, digest: str) -> dict[str, Any]:
    return {
        "version": manifest.version,
        "release_counter": manifest.release_counter,
        "hardware_ids": manifest.hardware_ids,
        "artifact_sha256": artifact.sha256,
        "manifest_sha256": digest,
    }
