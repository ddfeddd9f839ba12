"""One-time tokens by which devices enrol: shown once, on a label, and kept only as their hash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from fleet.domain.words import Lifecycle
from fleet.services import audit
from fleet.services.errors import Conflict, NotFound
from fleet.services.secrets import new_token, token_hash
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.driver import among
from fleet.store.enrolment import EnrolmentToken

VALID_FOR = timedelta(hours=24)
PREFIX = "wfe_"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What goes on a device's label."""

    device_id: str
    asset_tag: str
    ward: str
    token: str
    expires_at: datetime


def make_tokens(
    device_ids: Sequence[str], approved: bool, actor: str, now: datetime
) -> list[Ticket]:
    """One for each device, in their order; unused ones from before are withdrawn.

    `approved`: whoever shows it gets the certificate at once. Raises NotFound, or Conflict for a
    device that is decommissioned.
    """
    with transaction() as session:
        devices = _devices(session, device_ids)
        withdraw(session, [device.id for device in devices], now)
        return [_make(session, device, approved, actor, now) for device in devices]


def withdraw(session: Session, device_pks: Sequence[int], now: datetime) -> None:
    """What waits for a token or for approval, waits no longer."""
    session.execute(
        update(EnrolmentToken)
        .where(
            among(session, EnrolmentToken.device_pk, sorted(device_pks)),
            EnrolmentToken.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=now)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Device)
        .where(among(session, Device.id, sorted(device_pks)), Device.pending)
        .values(pending=False)
        .execution_options(synchronize_session=False)
    )


def _devices(session: Session, device_ids: Sequence[str]) -> list[Device]:
    query = select(Device).options(joinedload(Device.ward))
    found = {
        device.device_id: device
        for device in session.scalars(
            query.where(among(session, Device.device_id, sorted(device_ids)))
        )
    }
    for device_id in device_ids:
        if device_id not in found:
            raise NotFound(f"no device {device_id}")
        if found[device_id].lifecycle != Lifecycle.ENROLLED:
            raise Conflict(f"{device_id} is decommissioned")
    return [found[device_id] for device_id in dict.fromkeys(device_ids)]


def _make(session: Session, device: Device, approved: bool, actor: str, now: datetime) -> Ticket:
    token = PREFIX + new_token()
    row = EnrolmentToken(
        device_pk=device.id,
        token_hash=token_hash(token),
        created_at=now,
        expires_at=now + VALID_FOR,
        approved=approved,
    )
    session.add(row)
    after = {"approved": approved, "expires_at": row.expires_at.isoformat()}
    audit.record(session, actor, "enrolment.token", device.device_id, now, after=after)
    return Ticket(device.device_id, device.asset_tag, device.ward.name, token, row.expires_at)
