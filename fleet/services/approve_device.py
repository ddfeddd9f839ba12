"""IT decides on a device that has shown its token and waits."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.services import audit
from fleet.services.enrolment_tokens import withdraw
from fleet.services.errors import Conflict, NotFound
from fleet.services.looked_at import must_be_as_looked_at
from fleet.services.wards import touch
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.enrolment import EnrolmentToken


def approve_device(device_id: str, actor: str, now: datetime, version: int | None = None) -> None:
    """It gets its certificate when it asks again. Raises NotFound, or Conflict if none waits.

    `version`: the device's that was looked at; StaleVersion where it has changed since.
    """
    with transaction() as session:
        device, token = _waiting(session, device_id)
        must_be_as_looked_at(session, device, version)
        token.approved = True
        # Whoever was asked may take its time: the day begins anew.
        token.expires_at = max(token.expires_at, now + (token.expires_at - token.created_at))
        device.pending = False
        audit.record(session, actor, "enrolment.approve", device_id, now, *_change("approved"))
        touch(session, {device.ward_id})


def refuse_device(device_id: str, actor: str, now: datetime) -> None:
    """Its token is void; a new one is needed. Raises NotFound, or Conflict if none waits."""
    with transaction() as session:
        device, _ = _waiting(session, device_id)
        withdraw(session, [device.id], now)
        audit.record(session, actor, "enrolment.refuse", device_id, now, *_change("refused"))


def _waiting(session: Session, device_id: str) -> tuple[Device, EnrolmentToken]:
    device = session.scalar(select(Device).where(Device.device_id == device_id))
    if device is None:
        raise NotFound(f"no device {device_id}")
    token = session.scalar(
        select(EnrolmentToken)
        .where(
            EnrolmentToken.device_pk == device.id,
            EnrolmentToken.used_at.is_not(None),
            EnrolmentToken.withdrawn_at.is_(None),
            EnrolmentToken.approved.is_(False),
        )
        .with_for_update()
    )
    if token is None:
        raise Conflict(f"{device_id} does not wait for approval")
    return device, token


def _change(to: str) -> tuple[dict[str, str], dict[str, str]]:
    return {"enrolment": "pending"}, {"enrolment": to}
