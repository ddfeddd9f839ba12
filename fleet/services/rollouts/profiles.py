"""A rollout that brings a profile version: pins, generations, and at last the assignment."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from fleet.domain.assignment import Claim, most_specific, with_pin
from fleet.domain.rollout.care import Candidate
from fleet.domain.rollout.job import End, Sight, Standing, end_of
from fleet.domain.rollout.rings import Member
from fleet.domain.rollout.words import STANDING, JobState, RolloutState, Target
from fleet.domain.words import ComplianceState, Scope
from fleet.services import desired_state
from fleet.services.assign_profile import checked_scope, profile_version, refuse_rivals
from fleet.services.desired_state import claims_of
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.rollouts.members import lately, placed_devices, who_has
from fleet.services.rollouts.profile_assignment import (
    assign,
    hold_back,
    is_there,
    key_of,
    version_id,
)
from fleet.services.rollouts.queue import candidates, is_busy
from fleet.services.signed_versions import must_be_signed
from fleet.services.transitions import shortened
from fleet.store.configuration import Configuration
from fleet.store.device import Device
from fleet.store.driver import BulkInsert, among
from fleet.store.locks import Lock, take
from fleet.store.profile import Assignment, ProfileVersion
from fleet.store.rollout import IS_AT_WORK, ProfilePin, Rollout, RolloutDevice

_PIN = BulkInsert(
    ProfilePin,
    ("device_pk", "profile_id", "scope", "scope_key", "profile_version_id", "rollout_id"),
)


def prepare(session: Session, rollout: Rollout, now: datetime) -> None:
    version = _version(session, rollout)
    rollout.target_version = str(version.number)
    rollout.scope = checked_scope(session, rollout.scope, rollout.scope_key, version.profile.kinds)
    refuse_rivals(session, version.profile, Scope(rollout.scope), rollout.scope_key)
    must_be_signed(session, version, now)
    former = session.scalar(
        select(ProfileVersion.number)
        .join(Assignment, Assignment.profile_version_id == ProfileVersion.id)
        .where(Assignment.profile_id == version.profile_id, *is_there(Assignment, rollout))
    )
    if former == version.number:
        where = f"{rollout.scope} {rollout.scope_key}"
        raise Invalid({"version": f"version {former} is assigned to {where} already"})
    rollout.former_version = None if former is None else str(former)


def refuse_another(session: Session, rollout: Rollout) -> None:
    """One at a time for an assignment."""
    other = session.scalar(
        select(Rollout.id).where(
            Rollout.id.is_distinct_from(rollout.id),
            Rollout.target == Target.PROFILE,
            Rollout.target_slug == rollout.target_slug,
            *is_there(Rollout, rollout),
            Rollout.state.in_(sorted(STANDING)),
        )
    )
    if other is not None:
        raise Conflict(f"rollout {other} is there already for this assignment; end it first")


def members(session: Session, rollout: Rollout, now: datetime) -> list[Member]:
    """For whom the assignment, as it is going to be, is the most specific one."""
    version = _version(session, rollout)
    kinds = frozenset(version.profile.kinds)
    scope = Scope(rollout.scope)
    claim = Claim(version.id, scope, rollout.scope_key, kinds, version.profile_id)
    claims = with_pin(claims_of(session), claim, version.id)
    found = []
    for device in placed_devices(session):
        winner = most_specific(claims, device.place)
        if winner is not None and winner.key == claim.key:
            found.append(Member(device.pk, device.ward_id, lately(device, now)))
    return found


def obstacle(session: Session, rollout: Rollout, now: datetime) -> str | None:
    return None


def tell(session: Session, rollout: Rollout, pks: Sequence[int], now: datetime) -> None:
    """In a generation that each device is known to have been told.

    On the way back the assignment itself says the right version, unless it was completed.
    """
    take(session, Lock.ASSIGNMENTS)
    _unpin(session, pks)
    target = version_id(session, rollout.target_slug, rollout.target_version)
    key = key_of(session, rollout)
    _PIN.run(session, [(pk, *key, target, rollout.id) for pk in pks])
    desired_state.refresh(session, now, pks)
    session.flush()
    generation = select(Configuration.generation).where(
        Configuration.device_pk == RolloutDevice.device_pk
    )
    session.execute(
        update(RolloutDevice)
        .where(
            RolloutDevice.rollout_id == rollout.id, among(session, RolloutDevice.device_pk, pks)
        )
        .values(generation=generation.scalar_subquery())
        .execution_options(synchronize_session=False)
    )  # fmt: skip


def settle(session: Session, now: datetime) -> list[Standing]:
    targets = {
        rollout.id: version_id(session, rollout.target_slug, rollout.target_version)
        for rollout in session.scalars(
            select(Rollout).where(
                Rollout.id.in_(select(RolloutDevice.rollout_id).where(IS_AT_WORK)),
                Rollout.target == Target.PROFILE,
            )
        )
    }
    return [
        Standing(row.id, end.state, shortened(end.reason), now, row.deadline)
        for row in _at_work(session, targets)
        if (end := _end(row, targets[row.rollout_id], now))
    ]


def late_rollouts(session: Session, now: datetime) -> Sequence[int]:
    pinned = select(ProfilePin.rollout_id).join(Rollout, Rollout.id == ProfilePin.rollout_id)
    query = pinned.where(Rollout.state == RolloutState.COMPLETED).distinct()
    return session.scalars(query).all()


def late(session: Session, rollout: Rollout, now: datetime) -> Sequence[Candidate]:
    """Who has the former version still. Who is silent may be told as well: it waits for them."""
    query = (
        candidates()
        .join(ProfilePin, ProfilePin.device_pk == Device.id)
        .where(ProfilePin.rollout_id == rollout.id, ~is_busy(now))
        .order_by(Device.id)
    )
    return [Candidate(*row) for row in session.execute(query)]


def tell_late(session: Session, rollout: Rollout, pks: Sequence[int], now: datetime) -> None:
    take(session, Lock.ASSIGNMENTS)
    _unpin(session, pks)
    desired_state.refresh(session, now, pks)


def finish(session: Session, rollout: Rollout, now: datetime) -> None:
    """The assignment says the new version from now on.

    Whoever missed it and is heard of keeps the former one until its first safe moment; whoever is
    silent is told now, so that the right one waits for it.
    """
    take(session, Lock.ASSIGNMENTS)
    assign(session, rollout, now)
    hold_back(session, rollout)
    session.flush()
    desired_state.refresh(session, now)


def back(session: Session, rollout: Rollout, now: datetime) -> tuple[str, str]:
    if rollout.former_version is None:
        raise Conflict("there was no version before it; assign another one instead")
    former = profile_version(session, rollout.target_slug, int(rollout.former_version))
    must_be_signed(session, former, now)
    return rollout.target_slug, rollout.former_version


def members_back(session: Session, rollout: Rollout, was: str, now: datetime) -> list[Member]:
    """Who was told the new version: of a completed rollout, everybody."""
    if was == RolloutState.COMPLETED:
        return members(session, rollout, now)
    pinned = select(ProfilePin.device_pk).where(ProfilePin.rollout_id == rollout.id)
    return who_has(session, Device.id.in_(pinned))


def take_back(session: Session, rollout: Rollout, now: datetime) -> None:
    """The next generation does."""


def _version(session: Session, rollout: Rollout) -> ProfileVersion:
    number = rollout.target_version
    if not number.isdecimal() or len(number) > 9:
        raise Invalid({"version": "the number of a version of the profile, like 2"})
    try:
        return profile_version(session, rollout.target_slug, int(number))
    except NotFound as missing:
        raise Invalid({"version": missing.message}) from missing


def _unpin(session: Session, device_pks: Sequence[int]) -> None:
    session.execute(
        delete(ProfilePin)
        .where(among(session, ProfilePin.device_pk, device_pks))
        .execution_options(synchronize_session=False)
    )


def _at_work(session: Session, rollouts: Any) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            RolloutDevice.id,
            RolloutDevice.rollout_id,
            RolloutDevice.state,
            RolloutDevice.deadline,
            RolloutDevice.generation,
            Configuration.profile_version_id,
            Configuration.compliant_generation,
            Configuration.reported_generation,
            Configuration.generation.label("desired"),
            Configuration.compliance,
            Configuration.compliance_reason,
        )
        .join(Configuration, Configuration.device_pk == RolloutDevice.device_pk)
        .where(IS_AT_WORK, RolloutDevice.rollout_id.in_(rollouts))
        .order_by(RolloutDevice.id)
        .with_for_update(of=RolloutDevice)
    )
    return session.execute(query).all()


def _end(row: Row[*tuple[Any, ...]], target: int | None, now: datetime) -> End | None:
    if row.profile_version_id != target:
        return End(JobState.CANCELLED, "another profile is meant for it now")
    return end_of(JobState(row.state), row.deadline, _sight(row), now)


def _sight(row: Row[*tuple[Any, ...]]) -> Sight:
    """It runs the version once it has fully applied a generation of it; that it drifted later is
    another matter. That it cannot do one of the settings it knows itself, and that is no failure.
    """
    runs_target = (row.compliant_generation or 0) >= row.generation
    has_answered = row.reported_generation == row.desired
    refuses = has_answered and row.compliance == ComplianceState.NONCOMPLIANT
    return Sight(runs_target, (row.compliance_reason or "not compliant") if refuses else None)
