"""A device is made to ring, for somebody who looks for it."""

from datetime import datetime

from sqlalchemy import select

from fleet.services.errors import NotFound
from fleet.services.holds import Hand, at_hand
from fleet.services.send_command import send_command
from fleet.store.database import db
from fleet.store.device import Device


def ring_device(device_id: str, command: str, hand: Hand, now: datetime) -> int:
    """The key of the command. Raises NotFound, also for what is in another ward than the screen."""
    query = select(Device.id).where(Device.device_id == device_id, at_hand(hand))
    if db.session.scalar(query) is None:
        raise NotFound(f"no device {device_id} here")
    actor = hand.actor if hand.screen is None else f"{hand.actor} at {hand.screen}"
    return send_command(device_id, command, actor[:80], now)
