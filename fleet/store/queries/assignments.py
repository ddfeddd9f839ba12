"""What is assigned to what, over all profiles."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from fleet.domain.access import ALL, Reach
from fleet.store.database import db
from fleet.store.models import Assignment, Profile, ProfileVersion
from fleet.store.queries.whereabouts import scope_within


class AssignmentRow(NamedTuple):
    id: int
    profile: str
    number: int
    scope: str
    scope_key: str
    assigned_at: datetime
    assigned_by: str
    version: int


class AssignmentPage(NamedTuple):
    rows: list[AssignmentRow]
    after: int | None


def find_assignments(
    profile: str | None = None,
    scope: str | None = None,
    after: int | None = None,
    limit: int = 100,
    reach: Reach = ALL,
) -> AssignmentPage:
    query = _assignments().order_by(Assignment.id).limit(limit + 1)
    query = query.where(scope_within(Assignment.scope, Assignment.scope_key, reach))
    if profile is not None:
        query = query.where(Profile.slug == profile)
    if scope is not None:
        query = query.where(Assignment.scope == scope)
    if after is not None:
        query = query.where(Assignment.id > after)
    rows = [AssignmentRow(*row) for row in db.session.execute(query)]
    return AssignmentPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def assignment_row(assignment_id: int) -> AssignmentRow | None:
    row = db.session.execute(_assignments().where(Assignment.id == assignment_id)).first()
    return AssignmentRow(*row) if row else None


def _assignments() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Assignment.id,
            Profile.slug,
            ProfileVersion.number,
            Assignment.scope,
            Assignment.scope_key,
            Assignment.assigned_at,
            Assignment.assigned_by,
            Assignment.version,
        )
        .join(Profile, Profile.id == Assignment.profile_id)
        .join(ProfileVersion, ProfileVersion.id == Assignment.profile_version_id)
    )
