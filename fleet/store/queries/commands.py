"""Commands to one device, the newest first."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import Device, DeviceCommand


class CommandRow(NamedTuple):
    id: int
    name: str
    state: str
    detail: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    ended_at: datetime | None


def commands_of(device_id: str, limit: int = 20) -> list[CommandRow]:
    columns = (getattr(DeviceCommand, name) for name in CommandRow._fields)
    query = (
        select(*columns)
        .join(Device, Device.id == DeviceCommand.device_pk)
        .where(Device.device_id == device_id)
        .order_by(DeviceCommand.id.desc())
        .limit(limit)
    )
    return [CommandRow(*row) for row in db.session.execute(query)]
