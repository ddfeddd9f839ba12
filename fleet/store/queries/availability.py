"""Each device's availability, paged by asset tag: what the boards know, for programs."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, DeviceState, Site, Ward
from fleet.store.queries.as_of import availability_at
from fleet.store.site import SHIFT_STARTS


class Available(NamedTuple):
    asset_tag: str
    ward: str
    availability: str
    soc_pct: int | None
    sampled_at: datetime | None
    offline_after: datetime | None
    plugged_in: bool | None
    full_in_min: int | None
    empty_min: int | None
    runtime_min: int | None
    promised_min: int | None
    timezone: str
    shift_starts: list[str]


class AvailabilityPage(NamedTuple):
    rows: list[Available]
    after: str | None


def find_availability(
    now: datetime, kind: str, ward: str | None = None, after: str | None = None, limit: int = 500
) -> AvailabilityPage:
    query: Select[*tuple[Any, ...]] = (
        select(
            Device.asset_tag,
            Ward.slug,
            availability_at(now),
            DeviceState.soc_pct,
            DeviceState.sampled_at,
            DeviceState.offline_after,
            DeviceState.plugged_in,
            DeviceState.full_in_min,
            DeviceState.empty_min,
            DeviceState.runtime_min,
            DeviceState.promised_min,
            Site.timezone,
            SHIFT_STARTS,
        )
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
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
