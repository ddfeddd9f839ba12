"""Compliance that time changes: an old report, a generation not applied, a repair now due."""

from datetime import datetime

from sqlalchemy import select

from fleet.services.compliance import judge_again
from fleet.services.receive_report import put_right
from fleet.store.configuration import Configuration
from fleet.store.database import transaction
from fleet.store.device import Device

AT_ONCE = 1_000


def judge_overdue(now: datetime) -> int:
    """Judge again whoever's deadline has passed; returns how many."""
    with transaction() as session:
        due = session.execute(
            select(Configuration, Device.device_id)
            .join(Device, Device.id == Configuration.device_pk)
            .where(Configuration.judge_after <= now)
            .order_by(Device.id)
            .limit(AT_ONCE)
            .with_for_update(of=Configuration)
        ).all()
        for configuration, device_id in due:
            judge_again(session, configuration, now)
            put_right(session, configuration, device_id, now)
    return len(due)
