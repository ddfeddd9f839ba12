"""A device is what somebody has looked at, or it has changed since."""

from sqlalchemy.orm import Session

from fleet.services.errors import StaleVersion
from fleet.store.device import Device


def must_be_as_looked_at(session: Session, device: Device, version: int | None) -> None:
    """Part of a transaction, until whose end nobody else changes it. Raises StaleVersion.

    `version` None: nobody has looked.
    """
    if version is None:
        return
    session.refresh(device, with_for_update={"key_share": True})
    if device.version != version:
        raise StaleVersion(f"{device.device_id} has changed since it was read")
