"""A profile version is assigned to a site, a kind, a ward or a device; and taken away again."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from fleet.domain.rollout.words import LIVE, Target
from fleet.domain.words import DeviceKind, Scope
from fleet.services import audit, desired_state
from fleet.services.errors import Conflict, Invalid, NotFound, StaleVersion
from fleet.services.signed_versions import must_be_signed
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.locks import Lock, take
from fleet.store.profile import Assignment, Profile, ProfileVersion
from fleet.store.rollout import ProfilePin, Rollout
from fleet.store.site import Site, Ward


def assign_profile(
    profile_slug: str,
    number: int,
    scope: Scope | str,
    scope_key: str,
    actor: str,
    now: datetime,
    expected_version: int | None = None,
) -> int:
    """Assign, or move an assignment to another version; every device in scope is told.

    Returns the assignment's id. Another profile that stands for the same kinds in the same scope
    is a Conflict: which of two should win would be a matter of luck. So is a version that is not
    signed while trust is switched on. `expected_version` 0: only if there is none yet.
    """
    with transaction() as session:
        take(session, Lock.ASSIGNMENTS)
        version = profile_version(session, profile_slug, number)
        scope = checked_scope(session, scope, scope_key, version.profile.kinds)
        refuse_rivals(session, version.profile, scope, scope_key)
        must_be_signed(session, version, now)
        _overrule_rollouts(session, (version.profile_id, scope, scope_key))
        assignment = session.scalar(
            select(Assignment)
            .where(
                Assignment.profile_id == version.profile_id,
                Assignment.scope == scope,
                Assignment.scope_key == scope_key,
            )
            .with_for_update(of=Assignment)
        )
        before = None
        if assignment is None and expected_version:
            raise StaleVersion("the assignment has been removed since it was read")
        if assignment is None:
            assignment = Assignment(
                profile_id=version.profile_id, scope=scope, scope_key=scope_key, version=0
            )
            session.add(assignment)
        else:
            _check_version(assignment, expected_version)
            before = _picture(assignment)
        assignment.profile_version_id = version.id
        assignment.assigned_at = now
        assignment.assigned_by = actor
        assignment.version += 1
        session.flush()
        subject = f"assignment/{assignment.id}"
        session.refresh(assignment)
        audit.record(session, actor, "profile.assign", subject, now, before, _picture(assignment))
        desired_state.refresh(session, now)
        return assignment.id


def remove_assignment(
    assignment_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """Devices in its scope go on with what the next wider assignment says."""
    with transaction() as session:
        take(session, Lock.ASSIGNMENTS)
        assignment = session.get(Assignment, assignment_id, with_for_update=True)
        if assignment is None:
            raise NotFound(f"no assignment {assignment_id}")
        _check_version(assignment, expected_version)
        key = assignment.profile_id, assignment.scope, assignment.scope_key
        _overrule_rollouts(session, key)
        subject, before = f"assignment/{assignment.id}", _picture(assignment)
        session.delete(assignment)
        session.flush()
        audit.record(session, actor, "profile.unassign", subject, now, before)
        desired_state.refresh(session, now)


def profile_version(session: Session, profile_slug: str, number: int) -> ProfileVersion:
    """Raises NotFound."""
    version = session.scalar(
        select(ProfileVersion)
        .join(Profile)
        .where(Profile.slug == profile_slug, ProfileVersion.number == number)
    )
    if version is None:
        raise NotFound(f"no version {number} of a profile {profile_slug}")
    return version


def checked_scope(session: Session, scope: Scope | str, key: str, kinds: Collection[str]) -> Scope:
    """Raises Invalid where there is no such place, or none of these kinds is there."""
    if scope not in set(Scope):
        raise Invalid({"scope": f"one of {', '.join(Scope)}"})
    scope = Scope(scope)
    if scope == Scope.KIND:
        exists = key in set(DeviceKind)
        if exists and key not in kinds:
            raise Invalid({"scope_key": f"it is for {', '.join(sorted(kinds))}"})
    else:
        column = {
            Scope.SITE: Site.slug,
            Scope.WARD: Ward.slug,
            Scope.DEVICE: Device.device_id,
        }[scope]
        exists = session.scalar(select(column).where(column == key)) is not None
    if not exists:
        raise Invalid({"scope_key": f"no such {scope}: {key}"})
    return scope


def refuse_rivals(session: Session, profile: Profile, scope: Scope, key: str) -> None:
    """Raises Conflict where another profile stands for the same kinds."""
    rivals = session.execute(
        select(Profile.slug, Profile.kinds)
        .join(Assignment, Assignment.profile_id == Profile.id)
        .where(Assignment.scope == scope, Assignment.scope_key == key, Profile.id != profile.id)
    )
    for slug, kinds in rivals:
        shared = set(kinds) & set(profile.kinds)
        if shared:
            raise Conflict(
                f"{slug} is assigned to {scope} {key} for {', '.join(sorted(shared))}; "
                "remove that assignment first"
            )


def _overrule_rollouts(session: Session, key: tuple[int, str, str]) -> None:
    """What people assign themselves is for every device at once; but not beside a rollout.

    Raises Conflict.
    """
    profile_id, scope, scope_key = key
    running = session.scalar(
        select(Rollout.id)
        .join(Profile, Profile.slug == Rollout.target_slug)
        .where(
            Profile.id == profile_id,
            Rollout.target == Target.PROFILE,
            Rollout.scope == scope,
            Rollout.scope_key == scope_key,
            Rollout.state.in_(sorted(LIVE)),
        )
    )
    if running is not None:
        raise Conflict(f"rollout {running} is changing this assignment; cancel it first")
    session.execute(
        delete(ProfilePin).where(
            ProfilePin.profile_id == profile_id,
            ProfilePin.scope == scope,
            ProfilePin.scope_key == scope_key,
        )
    )


def _check_version(assignment: Assignment, expected: int | None) -> None:
    if expected is not None and assignment.version != expected:
        raise StaleVersion(f"assignment {assignment.id} has changed since it was read")


def _picture(assignment: Assignment) -> dict[str, Any]:
    return {
        "profile": assignment.profile.slug,
        "number": assignment.profile_version.number,
        "scope": assignment.scope,
        "scope_key": assignment.scope_key,
    }
