"""A device is brought back: it is in the pool again. Whoever finds it may do so."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.holding import Hold
from fleet.services.errors import Conflict
from fleet.services.holds import Deed, Hand, held_device, move, note
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.holding import CheckOut


def return_device(device_id: str, hand: Hand, now: datetime) -> Deed:
    """Raises NotFound, or Conflict where nobody has it."""
    with transaction() as session:
        device = held_device(session, device_id, hand)
        key = end_check_out(session, device, "returned", hand.actor, now)
        if key is None or not move(session, device, Hold.TAKEN, None):
            raise Conflict(f"{device.asset_tag} is not taken: it was returned before")
        note(session, device, "device.return", hand, now, (Hold.TAKEN, None))
        return Deed("return", key, device.asset_tag)


def end_check_out(
    session: Session, device: Device, ended_as: str, actor: str, now: datetime
) -> int | None:
    """Part of a transaction: the key of the one that was open, if any."""
    standing = select(CheckOut.id).where(
        CheckOut.device_pk == device.id, CheckOut.ended_at.is_(None)
    )
    key = session.scalar(standing.with_for_update())
    if key is not None:
        session.execute(
            update(CheckOut)
            .where(CheckOut.id == key)
            .values(ended_at=now, ended_by=actor, ended_as=ended_as)
        )
    return key
