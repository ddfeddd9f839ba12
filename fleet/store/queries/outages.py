"""Outages that stand: of one ward's devices, and of all wards and sites."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import and_, case, func, or_, select

from fleet.domain.words import AlertState, Lifecycle
from fleet.store.database import db
from fleet.store.models import Alert, Device, DeviceState, Outage, Site


class SilentSince(NamedTuple):
    """No word from so many of so many devices since then."""

    since: datetime
    silent: int
    devices: int


class OutageRow(NamedTuple):
    """Of one ward, or of a whole site."""

    ward_id: int | None
    site: str | None
    timezone: str | None
    what: SilentSince


def outage_of_ward(ward_id: int) -> SilentSince | None:
    """What it has of an outage, be that the ward's own or its whole site's."""
    is_part = and_(DeviceState.outage_id.is_not(None), ~DeviceState.online)
    query = (
        select(
            func.min(Outage.since),
            func.sum(case((is_part, 1), else_=0)),
            func.sum(case((or_(is_part, DeviceState.online), 1), else_=0)),
        )
        .select_from(Device)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .outerjoin(Outage, and_(Outage.alert_id == DeviceState.outage_id, is_part))
        .where(Device.ward_id == ward_id, Device.lifecycle == Lifecycle.ENROLLED)
    )
    since, silent, devices = db.session.execute(query).one()
    return SilentSince(since, silent, devices) if since else None


def standing_outages() -> list[OutageRow]:
    """The oldest first."""
    query = (
        select(Alert.ward_id, Site.name, Site.timezone, Outage.since, Outage.silent, Outage.devices)
        .join(Alert, Alert.id == Outage.alert_id)
        .outerjoin(Site, Site.id == Alert.site_id)
        .where(Alert.state != AlertState.RESOLVED)
        .order_by(Outage.alert_id)
    )
    return [OutageRow(*row[:3], SilentSince(*row[3:])) for row in db.session.execute(query)]
