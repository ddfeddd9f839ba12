"""A rollout is through: its assignment says the new version from now on."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from fleet.domain.rollout.words import JobState, RolloutState
from fleet.services import desired_state
from fleet.services.rollouts.stored import key_of, move, version_id
from fleet.store.bulk import insert_or_ignore
from fleet.store.device import DeviceState
from fleet.store.locks import Lock, take
from fleet.store.profile import Assignment
from fleet.store.rollout import ProfilePin, Rollout, RolloutDevice


def complete(session: Session, rollout: Rollout, actor: str, now: datetime) -> None:
    """Part of a transaction, with the rollout locked.

    Whoever missed it and is heard of keeps the former version until its first safe moment; whoever
    is silent is told now, so that the right one waits for it.
    """
    take(session, Lock.ASSIGNMENTS)
    _assign(session, rollout, now)
    _hold_back(session, rollout)
    rollout.ended_at = now
    move(session, rollout, RolloutState.COMPLETED, actor, now)
    session.flush()
    desired_state.refresh(session, now)


def _assign(session: Session, rollout: Rollout, now: datetime) -> None:
    profile_id, scope, scope_key = key_of(session, rollout)
    target = version_id(session, rollout.target_slug, rollout.target_version)
    assert target is not None
    assignment = session.scalar(
        select(Assignment)
        .where(
            Assignment.profile_id == profile_id,
            Assignment.scope == scope,
            Assignment.scope_key == scope_key,
        )
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


def _hold_back(session: Session, rollout: Rollout) -> None:
    profile_id, scope, scope_key = key_of(session, rollout)
    here = (
        ProfilePin.profile_id == profile_id,
        ProfilePin.scope == scope,
        ProfilePin.scope_key == scope_key,
    )
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
            "scope": str(scope),
            "scope_key": scope_key,
            "profile_version_id": former,
            "rollout_id": rollout.id,
        }
        for pk in session.scalars(missed)
    ]
    if rows:
        session.execute(insert_or_ignore(session, ProfilePin), rows)
