"""A device's credentials are taken back: it was lost, or somebody else has its key."""

from datetime import datetime

from sqlalchemy import select

from fleet.services import audit
from fleet.services.certificates import revoke_all
from fleet.services.enrolment_tokens import withdraw
from fleet.services.errors import Conflict, NotFound
from fleet.store.database import transaction
from fleet.store.device import Device


def revoke_device(device_id: str, actor: str, now: datetime) -> list[str]:
    """The serials that are valid no more. The broker refuses them, and ends what is open.

    Tokens that nobody has used are void too. Raises NotFound, or Conflict where there is nothing
    to take back.
    """
    with transaction() as session:
        device = session.scalar(select(Device).where(Device.device_id == device_id))
        if device is None:
            raise NotFound(f"no device {device_id}")
        serials = revoke_all(session, device.id, now)
        if not serials:
            raise Conflict(f"{device_id} has no valid certificate")
        withdraw(session, [device.id], now)
        before = {"certificates": serials}
        audit.record(session, actor, "certificate.revoke", device_id, now, before, {})
        return serials
