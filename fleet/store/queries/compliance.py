"""How the fleet complies, device by device: filtered, and paged by primary key."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, or_, select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import ComplianceState, Lifecycle
from fleet.store.database import db
from fleet.store.models import Configuration, Device, Profile, ProfileVersion, Ward
from fleet.store.queries.as_of import compliance_at, compliance_reason_at, overdue_at
from fleet.store.queries.whereabouts import within


class ComplianceRow(NamedTuple):
    pk: int
    device_id: str
    asset_tag: str
    ward: str
    profile: str | None
    number: int | None
    state: str
    reason: str | None
    since: datetime | None
    generation: int
    reported_generation: int | None
    reported_at: datetime | None


class CompliancePage(NamedTuple):
    rows: list[ComplianceRow]
    after: int | None


def find_compliance(
    now: datetime,
    state: str | None = None,
    profile: str | None = None,
    after: int | None = None,
    limit: int = 100,
    reach: Reach = ALL,
) -> CompliancePage:
    query = _compliance(now).where(within(Device.ward_id, reach)).limit(limit + 1)
    if state is not None:
        query = query.where(compliance_at(now) == state, _indexed(state, now))
    if profile is not None:
        query = query.where(Profile.slug == profile)
    if after is not None:
        query = query.where(Configuration.device_pk > after)
    rows = [ComplianceRow(*row) for row in db.session.execute(query)]
    return CompliancePage(rows[:limit], rows[limit - 1].pk if len(rows) > limit else None)


def _indexed(state: str, now: datetime) -> ColumnElement[bool]:
    """The same condition once more, by the stored word, which has an index."""
    stored = Configuration.compliance == state
    return or_(stored, overdue_at(now)) if state == ComplianceState.UNKNOWN else stored


def _compliance(now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Configuration.device_pk,
            Device.device_id,
            Device.asset_tag,
            Ward.slug,
            Profile.slug,
            ProfileVersion.number,
            compliance_at(now),
            compliance_reason_at(now),
            Configuration.compliance_since,
            Configuration.generation,
            Configuration.reported_generation,
            Configuration.reported_at,
        )
        .select_from(Configuration)
        .join(Device, Device.id == Configuration.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .outerjoin(ProfileVersion, ProfileVersion.id == Configuration.profile_version_id)
        .outerjoin(Profile, Profile.id == ProfileVersion.profile_id)
        .where(Device.lifecycle == Lifecycle.ENROLLED)
        .order_by(Configuration.device_pk)
    )
