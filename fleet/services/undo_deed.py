"""What somebody has just done by a tap is taken back: within seconds, and by the same person."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from fleet.domain.holding import Hold, can_be_undone
from fleet.domain.webhooks.events import Event
from fleet.services.errors import Conflict, NotFound
from fleet.services.holds import Hand, held_device, move, note
from fleet.services.webhooks.tell import tell
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.holding import CheckOut, FaultReport

TOO_LATE = "that was too long ago to be undone"
CHANGED = "somebody has done something else with it since"


def undo_deed(kind: str, key: int, hand: Hand, now: datetime) -> None:
    """`kind` and `key` of the deed. Raises NotFound, or Conflict: too late, or changed since."""
    if kind not in _UNDO:
        raise NotFound(f"no deed {kind}")
    with transaction() as session:
        _UNDO[kind](session, key, hand, now)


def _untake(session: Session, key: int, hand: Hand, now: datetime) -> None:
    check_out = session.get(CheckOut, key)
    device = _device(session, check_out, hand)
    assert check_out is not None
    session.refresh(check_out)
    _check(check_out.taken_by, check_out.taken_at, hand, now)
    if check_out.ended_at is not None or not move(session, device, Hold.TAKEN, None):
        raise Conflict(CHANGED)
    check_out.ended_at, check_out.ended_by, check_out.ended_as = now, hand.actor, "undone"
    note(session, device, "device.take.undo", hand, now, (Hold.TAKEN, None))


def _unreturn(session: Session, key: int, hand: Hand, now: datetime) -> None:
    check_out = session.get(CheckOut, key)
    device = _device(session, check_out, hand)
    assert check_out is not None
    session.refresh(check_out)
    _check(check_out.ended_by, check_out.ended_at, hand, now)
    if check_out.ended_as != "returned" or not move(session, device, None, Hold.TAKEN):
        raise Conflict(CHANGED)
    _reopen(check_out)
    note(session, device, "device.return.undo", hand, now, (None, Hold.TAKEN))


def _withdraw(session: Session, key: int, hand: Hand, now: datetime) -> None:
    """Who had it before has it again."""
    report = session.get(FaultReport, key)
    device = _device(session, report, hand)
    assert report is not None
    session.refresh(report)
    _check(report.reported_by, report.reported_at, hand, now)
    had = session.get(CheckOut, report.check_out_id) if report.check_out_id else None
    before = Hold.TAKEN if had else None
    if report.state != "open" or not move(session, device, report.reason, before):
        raise Conflict(CHANGED)
    report.state, report.ended_at, report.ended_by = "withdrawn", now, hand.actor
    tell(session, Event.TICKET_WITHDRAWN, [key], now)
    if had:
        _reopen(had)
    note(session, device, "device.broken.undo", hand, now, (report.reason, before), ticket=key)


_UNDO: dict[str, Callable[[Session, int, Hand, datetime], None]] = {
    "take": _untake,
    "return": _unreturn,
    "broken": _withdraw,
}


def _device(session: Session, row: CheckOut | FaultReport | None, hand: Hand) -> Device:
    """Locked before the row is read anew. Raises NotFound."""
    device = session.get(Device, row.device_pk) if row is not None else None
    if device is None:
        raise NotFound("no such deed")
    return held_device(session, device.device_id, hand)


def _check(by: str | None, at: datetime | None, hand: Hand, now: datetime) -> None:
    if at is None or not can_be_undone(at, now):
        raise Conflict(TOO_LATE)
    if by != hand.actor:
        raise Conflict("somebody else has done that: only they can undo it")


def _reopen(check_out: CheckOut) -> None:
    check_out.ended_at = check_out.ended_by = check_out.ended_as = None
