"""What taking, returning and reporting a device have in common: who does it, one at a time."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select, true, update
from sqlalchemy.orm import Session

from fleet.domain.events import Change
from fleet.domain.webhooks.events import Event
from fleet.domain.words import Lifecycle
from fleet.services import audit, transitions
from fleet.services.errors import NotFound
from fleet.services.wards import touch
from fleet.services.webhooks.tell import tell
from fleet.store.device import Device, DeviceState
from fleet.store.holding import CheckOut, FaultReport
from fleet.store.site import Zone

FREE = "free"
"""In the record, where nobody holds it."""


class Hand(NamedTuple):
    """Who does it: the person as the audit names them, and the screen before which they stand.

    `ward_id`: only devices that are at home there, or stand there; None: any.
    """

    actor: str
    screen: str | None = None
    ward_id: int | None = None


class Deed(NamedTuple):
    """What was done, to be shown and perhaps undone: by `kind` and the key of its row."""

    kind: str
    key: int
    asset_tag: str


def held_device(session: Session, device_id: str, hand: Hand) -> Device:
    """Part of a transaction: the device, its state locked. Raises NotFound.

    A screen of one ward does not even learn what is in another.
    """
    query = (
        select(Device)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(Device.device_id == device_id, Device.lifecycle == Lifecycle.ENROLLED, at_hand(hand))
        .execution_options(populate_existing=True)
    )
    # Asked again once the lock is held: who waited for it may have waited for its end or its move.
    device = session.scalar(query.with_for_update(of=DeviceState)) and session.scalar(query)
    if device is None:
        raise NotFound(f"no device {device_id} here")
    session.refresh(device.state)
    return device


def at_hand(hand: Hand) -> ColumnElement[bool]:
    """In a statement: the devices that are at home where this person stands, or stand there."""
    if hand.ward_id is None:
        return true()
    zones = select(Zone.code).where(Zone.ward_id == hand.ward_id)
    here = select(DeviceState.device_pk).where(DeviceState.zone_code.in_(zones))
    return or_(Device.ward_id == hand.ward_id, Device.id.in_(here))


def move(session: Session, device: Device, old: str | None, new: str | None) -> bool:
    """Compare-and-set of the hold; False: somebody else was first. The board shows it at once."""
    is_old = DeviceState.hold.is_(None) if old is None else DeviceState.hold == old
    moved = session.execute(
        update(DeviceState)
        .where(DeviceState.device_pk == device.id, is_old)
        .values(hold=new)
        .returning(DeviceState.device_pk)
        .execution_options(synchronize_session=False)
    ).all()
    if moved:
        touch(session, {device.ward_id})
    return bool(moved)


def let_go(session: Session, device_pk: int, actor: str, now: datetime) -> None:
    """Part of a transaction that takes the device out of management: nobody has it any more."""
    free = update(DeviceState).where(DeviceState.device_pk == device_pk).values(hold=None)
    session.execute(free.execution_options(synchronize_session=False))
    ended = {"ended_at": now, "ended_by": actor}
    had = update(CheckOut).where(CheckOut.device_pk == device_pk, CheckOut.ended_at.is_(None))
    session.execute(had.values(**ended, ended_as="returned"))
    report = FaultReport
    broken = update(report).where(report.device_pk == device_pk, report.ended_at.is_(None))
    withdrawn = session.execute(broken.values(**ended, state="withdrawn").returning(report.id))
    tell(session, Event.TICKET_WITHDRAWN, withdrawn.scalars().all(), now)


def note(
    session: Session,
    device: Device,
    action: str,
    hand: Hand,
    now: datetime,
    change: tuple[str | None, str | None],
    **more: Any,
) -> None:
    """On record in the audit and in the device's own history: from what to what, and where."""
    before, after = (word or FREE for word in change)
    subject = device.device_id
    pictures = {"hold": before}, {"hold": after, "screen": hand.screen, **more}
    audit.record(session, hand.actor, action, subject, now, *pictures)
    transitions.record(session, [(device.id, Change("hold", before, after))], now)


def name_of(actor: str) -> str:
    """ "user:ana" -> "ana"."""
    return actor.partition(":")[2] or actor
