"""When a pack was bought is entered: its warranty counts from that day."""

from datetime import date, datetime, timedelta

from sqlalchemy import select

from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.store.database import transaction
from fleet.store.device import BatteryPack

EARLIEST = date(2000, 1, 1)


def set_bought_on(pack_id: int, bought_on: date | None, actor: str, now: datetime) -> None:
    """None: not known, so that it counts from the day it was first heard of.

    Raises NotFound, Invalid.
    """
    latest = now.date() + timedelta(days=1)  # somewhere on earth it is tomorrow already
    if bought_on is not None and not EARLIEST <= bought_on <= latest:
        raise Invalid({"bought_on": f"a day from {EARLIEST} to today"})
    with transaction() as session:
        chosen = select(BatteryPack).where(BatteryPack.id == pack_id)
        pack = session.scalar(chosen.with_for_update())
        if pack is None:
            raise NotFound(f"no pack {pack_id}")
        if pack.bought_on == bought_on:
            return
        before, pack.bought_on = pack.bought_on, bought_on
        audit.record(
            session, actor, "battery.change", f"battery/{pack_id}", now,
            {"bought_on": before and before.isoformat()},
            {"bought_on": bought_on and bought_on.isoformat()},
        )  # fmt: skip
