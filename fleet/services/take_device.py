"""Somebody takes a device: it leaves the pool at once, for everybody."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.holding import FAULTS, Hold, due_at
from fleet.services.errors import Conflict
from fleet.services.holds import Deed, Hand, held_device, move, name_of, note
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.holding import CheckOut
from fleet.store.site import SHIFT_STARTS, Site, Ward


def take_device(device_id: str, hand: Hand, now: datetime) -> Deed:
    """Until the end of the longest shift of its ward, and an hour. Raises NotFound, or Conflict
    where somebody was first or it is broken.
    """
    with transaction() as session:
        device = held_device(session, device_id, hand)
        if device.state.hold is not None or not move(session, device, None, Hold.TAKEN):
            raise Conflict(_why_not(session, device, now))
        starts = select(SHIFT_STARTS).select_from(Ward).join(Site).where(Ward.id == device.ward_id)
        check_out = CheckOut(
            device_pk=device.id, taken_at=now, taken_by=hand.actor,
            due_at=due_at(now, session.scalars(starts).one()),
        )  # fmt: skip
        session.add(check_out)
        session.flush()
        until = check_out.due_at.isoformat()
        note(session, device, "device.take", hand, now, (None, Hold.TAKEN), until=until)
        return Deed("take", check_out.id, device.asset_tag)


def _why_not(session: Session, device: Device, now: datetime) -> str:
    session.refresh(device.state, ["hold"])
    if device.state.hold in FAULTS:
        return f"{device.asset_tag} is reported broken: {FAULTS[Hold(device.state.hold)]}"
    standing = select(CheckOut).where(CheckOut.device_pk == device.id, CheckOut.ended_at.is_(None))
    first = session.scalar(standing)
    if first is None:
        return f"{device.asset_tag} has been taken at this moment"
    age_s = max(int((now - first.taken_at).total_seconds()), 0)
    age = f"{age_s} s" if age_s < 100 else f"{age_s // 60} min"
    return f"{name_of(first.taken_by)} was first: took {device.asset_tag} {age} ago"
