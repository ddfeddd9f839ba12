"""The first trust document, or the one that follows: from then on devices are to follow it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.words import Lifecycle
from fleet.services import audit, outbox
from fleet.services.errors import Invalid
from fleet.services.trust import chain_message, trust_in_force
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.firmware import TrustVersion
from fleet.trust.documents import TrustDocument, is_over
from fleet.trust.envelope import payload_digest
from fleet.trust.refusal import Refused
from fleet.trust.verify import Trust
from fleet.wire.envelope import Envelope
from fleet.wire.messages import encode

CHANNEL = "trust"


@dataclass(frozen=True, slots=True)
class Installed:
    version: int
    told: int
    """So many devices."""


def install_trust(envelope: Envelope, actor: str, now: datetime) -> Installed:
    """Raises Invalid where it is not signed as it must be, or does not follow the one in force.

    Nobody vouches for the first one but who installs it; devices get theirs by hand as well.
    """
    with transaction() as session:
        former = trust_in_force(session)
        document = _verified(envelope, former, now)
        session.add(
            TrustVersion(
                version=document.version,
                envelope=encode(envelope),
                expires_at=document.expires_at,
                installed_at=now,
                installed_by=actor,
            )
        )
        session.flush()
        told = _tell_devices(session, now)
        audit.record(
            session,
            actor,
            "trust.install",
            f"trust/{document.version}",
            now,
            _picture(former.document) if former else None,
            _picture(document) | {"sha256": payload_digest(envelope)},
        )
        return Installed(document.version, told)


def _verified(envelope: Envelope, former: Trust | None, now: datetime) -> TrustDocument:
    try:
        trust = former.followed_by(envelope) if former else Trust.anchored(envelope)
    except Refused as refusal:
        raise Invalid({"trust": str(refusal)}) from refusal
    if is_over(trust.document, now):
        raise Invalid({"trust": f"expired on {trust.document.expires_at:%Y-%m-%d}"})
    return trust.document


def _tell_devices(session: Session, now: datetime) -> int:
    message = chain_message(session)
    enrolled = select(Device.device_id).where(Device.lifecycle == Lifecycle.ENROLLED)
    devices = session.scalars(enrolled.order_by(Device.id)).all()
    for device_id in devices:
        outbox.leave(session, device_id, CHANNEL, message, now, retain=True)
    return len(devices)


def _picture(document: TrustDocument) -> dict[str, object]:
    """Who may say what, for the audit."""
    named = {
        name: {"threshold": role.threshold, "keys": role.keys}
        for name, role in document.roles().items()
    }
    return {"version": document.version, "expires_at": document.expires_at.isoformat(), **named}
