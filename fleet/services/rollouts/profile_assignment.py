"""The assignment that a rollout of a profile is about."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fleet.domain.rollout.words import JobState
from fleet.store.bulk import insert_or_ignore
from fleet.store.device import DeviceState
from fleet.store.profile import Assignment, Profile, ProfileVersion
from fleet.store.rollout import ProfilePin, Rollout, RolloutDevice


def key_of(session: Session, rollout: Rollout) -> tuple[int, str, str]:
    """What it is known by (`domain.assignment.Claim.key`)."""
    query = select(Profile.id).where(Profile.slug == rollout.target_slug)
    return session.scalars(query).one(), rollout.scope, rollout.scope_key


def is_there(model: Any, rollout: Rollout) -> tuple[Any, Any]:
    """Of assignments, pins and rollouts: those in the same place."""
    return model.scope == rollout.scope, model.scope_key == rollout.scope_key


def version_id(session: Session, slug: str, number: str | None) -> int | None:
    """Of a profile's version; None where there is none."""
    if number is None or not number.isdecimal():
        return None
    return session.scalar(
        select(ProfileVersion.id)
        .join(Profile)
        .where(Profile.slug == slug, ProfileVersion.number == int(number))
    )


def assign(session: Session, rollout: Rollout, now: datetime) -> None:
    profile_id, scope, scope_key = key_of(session, rollout)
    target = version_id(session, rollout.target_slug, rollout.target_version)
    assert target is not None
    assignment = session.scalar(
        select(Assignment)
        .where(Assignment.profile_id == profile_id, *is_there(Assignment, rollout))
        .with_for_update(of=Assignment)
    )
    if assignment is None:
        assignment = Assignment(
            profile_id=profile_id, scope=scope, scope_key=scope_key, version=0
        )  # fmt: skip
        session.add(assignment)
    if assignment.profile_version_id != target:
        assignment.profile_version_id = target
        assignment.assigned_at = now
        assignment.assigned_by = rollout.approved_by or rollout.created_by
        assignment.version += 1


def hold_back(session: Session, rollout: Rollout) -> None:
    """Pins of those who keep the former version for now; all others go."""
    profile_id, scope, scope_key = key_of(session, rollout)
    here = ProfilePin.profile_id == profile_id, *is_there(ProfilePin, rollout)
    missed = (
        select(RolloutDevice.device_pk)
        .join(DeviceState, DeviceState.device_pk == RolloutDevice.device_pk)
        .where(
            RolloutDevice.rollout_id == rollout.id,
            RolloutDevice.state == JobState.MISSED,
            DeviceState.online,
        )
    )
    session.execute(
        delete(ProfilePin)
        .where(*here, ProfilePin.device_pk.not_in(missed))
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(ProfilePin)
        .where(*here)
        .values(rollout_id=rollout.id)
        .execution_options(synchronize_session=False)
    )
    former = version_id(session, rollout.target_slug, rollout.former_version)
    rows = [
        {
            "device_pk": pk,
            "profile_id": profile_id,
            "scope": scope,
            "scope_key": scope_key,
            "profile_version_id": former,
            "rollout_id": rollout.id,
        }
        for pk in session.scalars(missed)
    ]
    if rows:
        session.execute(insert_or_ignore(session, ProfilePin), rows)
