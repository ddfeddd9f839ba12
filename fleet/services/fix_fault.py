"""IT has repaired a device: it is in the pool again, and the ward's board says so."""

from datetime import datetime

from sqlalchemy import select

from fleet.domain.webhooks.events import Event
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.holds import Hand, held_device, move, note
from fleet.services.webhooks.tell import tell
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.holding import FaultReport

MOST = 256


def fix_fault(ticket: int, actor: str, now: datetime, words: str = "") -> None:
    """Raises NotFound, Invalid, or Conflict if it is not open."""
    if len(words) > MOST or not words.isprintable():
        raise Invalid({"note": f"at most {MOST} printable characters"})
    with transaction() as session:
        query = (
            select(Device.device_id).join(FaultReport, FaultReport.device_pk == Device.id)
        ).where(FaultReport.id == ticket)
        device_id = session.scalar(query)
        if device_id is None:
            raise NotFound(f"no ticket {ticket}")
        device = held_device(session, device_id, Hand(actor))
        report = session.get_one(FaultReport, ticket, populate_existing=True)
        if report.state != "open" or not move(session, device, report.reason, None):
            raise Conflict(f"the ticket of {device.asset_tag} is {report.state} already")
        report.state, report.ended_at, report.ended_by = "fixed", now, actor
        report.note = words or None
        tell(session, Event.TICKET_FIXED, [ticket], now)
        change = report.reason, None
        note(session, device, "device.fixed", Hand(actor), now, change, ticket=ticket, note=words)
