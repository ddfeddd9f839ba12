"""Each device's availability, paged by asset tag: what the boards know, for programs."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, DeviceState, Ward
from fleet.store.queries.as_of import availability_at


class Available(NamedTuple):
    asset_tag: str
    ward: str
    availability: str
    soc_pct: int | None
    sampled_at: datetime | None


class AvailabilityPage(NamedTuple):
    rows: list[Available]
    after: str | None


def find_availability(
    now: datetime, kind: str, ward: str | None = None, after: str | None = None, limit: int = 500
) -> AvailabilityPage:
    query = (
        select(
            Device.asset_tag,
            Ward.slug,
            availability_at(now),
            DeviceState.soc_pct,
            DeviceState.sampled_at,
        )
        .join(Ward, Ward.id == Device.ward_id)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(Device.lifecycle == Lifecycle.ENROLLED, Device.kind == kind)
        .order_by(Device.asset_tag)
        .limit(limit + 1)
    )
    if ward is not None:
        query = query.where(Ward.slug == ward)
    if after is not None:
        query = query.where(Device.asset_tag > after)
    rows = [Available(*row) for row in db.session.execute(query)]
    return AvailabilityPage(rows[:limit], rows[limit - 1].asset_tag if len(rows) > limit else None)
