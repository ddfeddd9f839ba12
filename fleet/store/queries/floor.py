"""Floor plans, the zones drawn on them, and where a device was seen last."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.neighbours import Other
from fleet.domain.words import Availability, DeviceKind, Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, DeviceState, FloorPlan, Ward, WardNeighbour, Zone
from fleet.store.queries.as_of import availability_at


class Drawn(NamedTuple):
    code: str
    name: str
    outline: list[list[float]] | None


class Plan(NamedTuple):
    width: int
    height: int
    sha256: str


class Place(NamedTuple):
    """Where a device was when it was last heard of. `plan` None: no picture of that ward."""

    ward_slug: str
    ward_name: str
    code: str
    zone: str
    seen_at: datetime | None
    outline: list[list[float]] | None
    plan: Plan | None


class WardPlan(NamedTuple):
    slug: str
    name: str
    plan: Plan | None
    zones: list[Drawn]
    neighbours: list[str]


def place_of(device_id: str) -> Place | None:
    query = (
        select(
            Ward.slug, Ward.name, Zone.code, Zone.name, DeviceState.sampled_at, Zone.outline,
            FloorPlan.width, FloorPlan.height, FloorPlan.sha256,
        )
        .select_from(Device)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Zone, Zone.code == DeviceState.zone_code)
        .join(Ward, Ward.id == Zone.ward_id)
        .outerjoin(FloorPlan, FloorPlan.ward_id == Ward.id)
        .where(Device.device_id == device_id, Device.lifecycle == Lifecycle.ENROLLED)
    )  # fmt: skip
    row = db.session.execute(query).first()
    if row is None:
        return None
    plan = Plan(*row[6:]) if row[8] else None
    return Place(*row[:6], plan)


def picture(ward_slug: str) -> FloorPlan | None:
    query = select(FloorPlan).join(Ward, Ward.id == FloorPlan.ward_id)
    return db.session.scalar(query.where(Ward.slug == ward_slug))


def ward_plan(slug: str) -> WardPlan | None:
    """For IT, who draws on it."""
    ward = db.session.execute(
        select(Ward.id, Ward.slug, Ward.name).where(Ward.slug == slug)
    ).first()
    if ward is None:
        return None
    columns = FloorPlan.width, FloorPlan.height, FloorPlan.sha256
    plan = db.session.execute(select(*columns).where(FloorPlan.ward_id == ward.id)).first()
    drawn = select(Zone.code, Zone.name, Zone.outline).where(Zone.ward_id == ward.id)
    zones = [Drawn(*row) for row in db.session.execute(drawn.order_by(Zone.name, Zone.code))]
    near = (
        select(Ward.slug)
        .join(WardNeighbour, WardNeighbour.neighbour_id == Ward.id)
        .where(WardNeighbour.ward_id == ward.id)
        .order_by(WardNeighbour.place)
    )
    neighbours = list(db.session.scalars(near))
    return WardPlan(ward.slug, ward.name, Plan(*plan) if plan else None, zones, neighbours)


def places_set(ward_id: int) -> Mapping[int, int]:
    """The order of its neighbours that IT has set, by ward."""
    query = select(WardNeighbour.neighbour_id, WardNeighbour.place)
    rows = db.session.execute(query.where(WardNeighbour.ward_id == ward_id))
    return {row.neighbour_id: row.place for row in rows}


def other_wards(ward_id: int, kind: DeviceKind, now: datetime) -> list[Other]:
    """Those of the same hospital, with what stands free in each."""
    site = select(Ward.site_id).where(Ward.id == ward_id).scalar_subquery()
    free = func.count(Device.id).filter(availability_at(now) == Availability.AVAILABLE)
    query = (
        select(Ward.id, Ward.slug, Ward.name, free, Ward.min_available)
        .join(Device, Device.ward_id == Ward.id)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(
            Ward.site_id == site,
            Ward.id != ward_id,
            Device.kind == kind,
            Device.lifecycle == Lifecycle.ENROLLED,
        )
        .group_by(Ward.id, Ward.slug, Ward.name, Ward.min_available)
    )
    return [Other(*row) for row in db.session.execute(query)]
