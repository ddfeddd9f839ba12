"""Profiles, their versions, what they are assigned to, and where each stands."""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select

from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Assignment, Configuration, Device, Profile, ProfileVersion
from fleet.store.queries.as_of import compliance_at


class ProfileHead(NamedTuple):
    id: int
    slug: str
    title: str
    kinds: list[str]
    latest: int | None
    """The number of its newest version."""


class Version(NamedTuple):
    id: int
    number: int
    sha256: str
    created_at: datetime
    created_by: str
    signed: bool


class Assigned(NamedTuple):
    id: int
    number: int
    scope: str
    scope_key: str
    assigned_at: datetime
    assigned_by: str
    version: int


_LATEST = (
    select(func.max(ProfileVersion.number))
    .where(ProfileVersion.profile_id == Profile.id)
    .scalar_subquery()
)
_HEADS = select(Profile.id, Profile.slug, Profile.title, Profile.kinds, _LATEST)


def profile_heads() -> list[ProfileHead]:
    return [ProfileHead(*row) for row in db.session.execute(_HEADS.order_by(Profile.title))]


def profile_head(slug: str) -> ProfileHead | None:
    row = db.session.execute(_HEADS.where(Profile.slug == slug)).first()
    return ProfileHead(*row) if row else None


def versions_of(profile_id: int) -> list[Version]:
    """The newest first."""
    query = (
        select(
            ProfileVersion.id,
            ProfileVersion.number,
            ProfileVersion.sha256,
            ProfileVersion.created_at,
            ProfileVersion.created_by,
            ProfileVersion.manifest.is_not(None),
        )
        .where(ProfileVersion.profile_id == profile_id)
        .order_by(ProfileVersion.number.desc())
    )
    return [Version(*row) for row in db.session.execute(query)]


def document_of(profile_id: int, number: int) -> dict[str, Any] | None:
    return db.session.scalar(
        select(ProfileVersion.document).where(
            ProfileVersion.profile_id == profile_id, ProfileVersion.number == number
        )
    )


def assignments_of(profile_id: int) -> list[Assigned]:
    query = (
        select(
            Assignment.id,
            ProfileVersion.number,
            Assignment.scope,
            Assignment.scope_key,
            Assignment.assigned_at,
            Assignment.assigned_by,
            Assignment.version,
        )
        .join(ProfileVersion, ProfileVersion.id == Assignment.profile_version_id)
        .where(Assignment.profile_id == profile_id)
        .order_by(Assignment.scope, Assignment.scope_key)
    )
    return [Assigned(*row) for row in db.session.execute(query)]


def standing(now: datetime, profile_id: int | None = None) -> dict[int, dict[str, int]]:
    """By profile version: how many devices should have it, by how they comply."""
    word = compliance_at(now).label("word")
    query = (
        select(Configuration.profile_version_id, word, func.count())
        .join(Device, Device.id == Configuration.device_pk)
        .where(
            Configuration.profile_version_id.is_not(None), Device.lifecycle == Lifecycle.ENROLLED
        )
        .group_by(Configuration.profile_version_id, word)
    )
    if profile_id is not None:
        of_profile = select(ProfileVersion.id).where(ProfileVersion.profile_id == profile_id)
        query = query.where(Configuration.profile_version_id.in_(of_profile))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for version_id, state, devices in db.session.execute(query):
        assert version_id is not None
        found[version_id][state] = devices
    return found


def standing_by_profile(now: datetime) -> dict[int, dict[str, int]]:
    """The same summed over the versions of each profile."""
    query = select(ProfileVersion.id, ProfileVersion.profile_id)
    profile_of = {row[0]: row[1] for row in db.session.execute(query)}
    found: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for version_id, counts in standing(now).items():
        for state, devices in counts.items():
            found[profile_of[version_id]][state] += devices
    return found
