"""A device shows the direction that it was given, to get the file that it is about."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from fleet.domain.words import Lifecycle
from fleet.services.errors import Conflict
from fleet.services.trust import required_trust
from fleet.store.database import db
from fleet.store.device import Device
from fleet.store.firmware import FirmwareRelease
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused
from fleet.wire.firmware import from_header


@dataclass(frozen=True, slots=True)
class Directed:
    device_id: str
    artifact_sha256: str


def directed_by(text: str, now: datetime) -> Directed | None:
    """Who comes with it, and for what; None where it is not valid, or the device not enrolled."""
    session = db.session()
    try:
        direction = required_trust(session).direction(read_envelope(from_header(text)), now)
    except (Refused, Conflict, ValueError):
        return None
    asked = select(FirmwareRelease.sha256).where(
        FirmwareRelease.manifest_sha256 == direction.manifest_sha256,
        select(Device.id)
        .where(Device.device_id == direction.device_id, Device.lifecycle == Lifecycle.ENROLLED)
        .exists(),
    )
    sha256 = session.scalar(asked)
    return Directed(direction.device_id, sha256) if sha256 else None
