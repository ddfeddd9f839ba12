"""One device, with everything that its page shows."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from fleet.store.database import db
from fleet.store.models import (
    Configuration,
    Device,
    DeviceEndurance,
    DeviceState,
    Profile,
    ProfileVersion,
    Site,
    Transition,
    Ward,
    Zone,
)
from fleet.store.queries.as_of import availability_at, compliance_at, compliance_reason_at
from fleet.store.queries.enrolment import identity_at
from fleet.store.site import SHIFT_STARTS


class Change(NamedTuple):
    at: datetime
    aspect: str
    old: str | None
    new: str | None
    detail: str | None


_DEVICE = (
    select(
        Device.id,
        Device.device_id,
        Device.asset_tag,
        Device.kind,
        Device.model,
        Device.serial,
        Device.lifecycle,
        Device.created_at,
        Device.version,
        Ward.slug.label("ward_slug"),
        Ward.name.label("ward"),
        Site.name.label("site"),
        Site.timezone,
        SHIFT_STARTS.label("shift_starts"),
        Zone.name.label("zone"),
        DeviceState.reason,
        DeviceState.zone_code,
        DeviceState.soc_pct,
        DeviceState.soh_pct,
        DeviceState.plugged_in,
        DeviceState.charging,
        DeviceState.load_ma,
        DeviceState.empty_min,
        DeviceState.runtime_min,
        DeviceState.promised_min,
        DeviceState.full_in_min,
        DeviceState.replacement,
        DeviceState.last_seen_at,
        DeviceState.sampled_at,
        DeviceState.offline_after,
        DeviceState.clock_ok,
        DeviceState.batteries,
        DeviceState.apps,
        DeviceState.system,
        DeviceState.agent,
        DeviceEndurance.usable_mah,
        DeviceEndurance.capacity_spread,
        DeviceEndurance.load_spread,
        DeviceEndurance.profile.label("load_profile"),
        Configuration.compliance_since,
        Configuration.generation,
        Configuration.desired_at,
        Configuration.reported_generation,
        Configuration.reported_items,
        Configuration.reported_at,
        Configuration.applied_at,
        Configuration.repairs,
        Configuration.repaired_at,
        Profile.slug.label("profile_slug"),
        Profile.title.label("profile_title"),
        ProfileVersion.number.label("profile_number"),
        ProfileVersion.document,
    )
    .select_from(Device)
    .join(Ward)
    .join(Site)
    .join(DeviceState, DeviceState.device_pk == Device.id)
    .outerjoin(DeviceEndurance, DeviceEndurance.device_pk == Device.id)
    .outerjoin(Configuration, Configuration.device_pk == Device.id)
    .outerjoin(ProfileVersion, ProfileVersion.id == Configuration.profile_version_id)
    .outerjoin(Profile, Profile.id == ProfileVersion.profile_id)
    .outerjoin(Zone, Zone.code == DeviceState.zone_code)
)


def device_by_id(device_id: str, now: datetime) -> Row[*tuple[Any, ...]] | None:
    """One row: the device, where it belongs, what it is now, what it should have."""
    query = _DEVICE.add_columns(
        availability_at(now).label("availability"),
        compliance_at(now).label("compliance"),
        compliance_reason_at(now).label("compliance_reason"),
        identity_at(now).label("identity"),
    )
    return db.session.execute(query.where(Device.device_id == device_id)).first()


def transitions_of(device_pk: int, limit: int = 30) -> list[Change]:
    """The newest changes first."""
    query = (
        select(Transition.at, Transition.aspect, Transition.old, Transition.new, Transition.detail)
        .where(Transition.device_pk == device_pk)
        .order_by(Transition.id.desc())
        .limit(limit)
    )
    return [Change(*row) for row in db.session.execute(query)]
