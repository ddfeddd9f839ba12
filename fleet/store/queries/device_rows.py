"""Devices as programs see them: the rows of a page that `devices.find_devices` has found."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import Configuration, Device, DeviceState, Transition, Ward
from fleet.store.queries.as_of import availability_at, compliance_at
from fleet.store.queries.enrolment import identity_at


class DeviceRow(NamedTuple):
    device_id: str
    asset_tag: str
    kind: str
    ward: str
    model: str | None
    serial: str | None
    availability: str
    soc_pct: int | None
    compliance: str
    sampled_at: datetime | None
    last_seen_at: datetime | None
    identity: str


class TransitionRow(NamedTuple):
    id: int
    at: datetime
    aspect: str
    old: str | None
    new: str | None
    detail: str | None


class TransitionPage(NamedTuple):
    rows: list[TransitionRow]
    before: int | None


def device_rows(device_ids: Sequence[str], now: datetime) -> list[DeviceRow]:
    """In the order asked for."""
    query = (
        select(
            Device.device_id,
            Device.asset_tag,
            Device.kind,
            Ward.slug,
            Device.model,
            Device.serial,
            availability_at(now),
            DeviceState.soc_pct,
            compliance_at(now),
            DeviceState.sampled_at,
            DeviceState.last_seen_at,
            identity_at(now),
        )
        .join(Ward, Ward.id == Device.ward_id)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Configuration, Configuration.device_pk == Device.id)
        .where(Device.device_id.in_(device_ids))
    )
    found = {row.device_id: row for row in map(DeviceRow._make, db.session.execute(query))}
    return [found[device_id] for device_id in device_ids if device_id in found]


def device_key(device_id: str) -> int | None:
    """The primary key of a device, decommissioned or not."""
    return db.session.scalar(select(Device.id).where(Device.device_id == device_id))


def find_transitions(device_pk: int, before: int | None = None, limit: int = 100) -> TransitionPage:
    """The newest first."""
    query = (
        select(
            Transition.id,
            Transition.at,
            Transition.aspect,
            Transition.old,
            Transition.new,
            Transition.detail,
        )
        .where(Transition.device_pk == device_pk)
        .order_by(Transition.id.desc())
        .limit(limit + 1)
    )
    if before is not None:
        query = query.where(Transition.id < before)
    rows = [TransitionRow(*row) for row in db.session.execute(query)]
    return TransitionPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)
