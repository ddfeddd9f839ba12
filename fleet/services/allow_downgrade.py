"""The root's leave to go back to an older release is entered."""

from datetime import datetime

from sqlalchemy import select

from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.services.trust import required_trust
from fleet.store.database import transaction
from fleet.store.firmware import FirmwareRelease
from fleet.trust.refusal import Refused
from fleet.wire.envelope import Envelope
from fleet.wire.messages import encode


def allow_downgrade(envelope: Envelope, actor: str, now: datetime) -> str:
    """Returns the version that devices may go back to. Raises Invalid, NotFound."""
    with transaction() as session:
        try:
            leave = required_trust(session).downgrade(envelope, now)
        except Refused as refusal:
            raise Invalid({"downgrade": str(refusal)}) from refusal
        row = session.scalar(
            select(FirmwareRelease)
            .where(FirmwareRelease.manifest_sha256 == leave.manifest_sha256)
            .with_for_update()
        )
        if row is None:
            raise NotFound(f"no release has the manifest {leave.manifest_sha256}")
        row.downgrade = encode(envelope)
        after = {"seen": leave.seen, "why": leave.why, "expires_at": leave.expires_at.isoformat()}
        audit.record(session, actor, "firmware.downgrade", f"firmware/{row.id}", now, after=after)
        return row.version
