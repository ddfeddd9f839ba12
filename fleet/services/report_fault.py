"""Somebody on the ward says that a device is broken: nobody takes it any more, and IT knows."""

from datetime import datetime

from fleet.domain.holding import FAULTS, Hold
from fleet.domain.webhooks.events import Event
from fleet.services.errors import Conflict, Invalid
from fleet.services.holds import Deed, Hand, held_device, move, note
from fleet.services.return_device import end_check_out
from fleet.services.webhooks.tell import tell
from fleet.store.database import transaction
from fleet.store.holding import FaultReport


def report_fault(device_id: str, reason: str, hand: Hand, now: datetime) -> Deed:
    """Whoever has it has it no longer. Raises Invalid, NotFound, or Conflict if it is known."""
    if reason not in FAULTS:
        raise Invalid({"reason": f"one of {', '.join(FAULTS)}"})
    with transaction() as session:
        device = held_device(session, device_id, hand)
        before = device.state.hold
        if before in FAULTS:
            raise Conflict(f"{device.asset_tag} is reported already: {FAULTS[Hold(before)]}")
        if not move(session, device, before, reason):
            raise Conflict(f"{device.asset_tag} has changed at this moment: look, then try again")
        key = end_check_out(session, device, "broken", hand.actor, now)
        report = FaultReport(
            device_pk=device.id, reason=reason, state="open", reported_at=now,
            reported_by=hand.actor, check_out_id=key,
        )  # fmt: skip
        session.add(report)
        session.flush()
        tell(session, Event.TICKET_OPENED, [report.id], now)
        note(session, device, "device.broken", hand, now, (before, reason), ticket=report.id)
        return Deed("broken", report.id, device.asset_tag)
