"""A rollout that brings a firmware release: signed offers, and what devices make of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session, aliased

from fleet.domain.rollout.care import Candidate
from fleet.domain.rollout.job import Course, Standing, Told, course_of
from fleet.domain.rollout.plan import plan_from
from fleet.domain.rollout.rings import Member
from fleet.domain.rollout.words import LIVE, STANDING, JobState, RolloutState, Target
from fleet.domain.words import DeviceKind, Scope
from fleet.services.assign_profile import checked_scope
from fleet.services.directing import obstacle_to_directing
from fleet.services.errors import Conflict, Invalid
from fleet.services.rollouts.firmware_offers import (
    offer,
    release_of,
    say_again,
    take_offer_back,
)
from fleet.services.rollouts.members import lately, placed_devices, who_has
from fleet.services.rollouts.queue import LATE_AGAIN_AFTER, candidates, is_busy
from fleet.services.transitions import shortened
from fleet.services.trust import required_trust
from fleet.store.device import Device, DeviceState
from fleet.store.firmware import FirmwareRelease
from fleet.store.rollout import IS_AT_WORK, IS_LATE, FirmwareJob, Rollout, RolloutDevice
from fleet.trust.envelope import read_envelope
from fleet.trust.refusal import Refused
from fleet.trust.verify import check_counter

SAY_AGAIN_AFTER = timedelta(minutes=5)
"""A device that is online and has not said a word of its offer may never have got it."""
tell = tell_late = offer
_NEWER, _NEWER_ROLLOUT = aliased(RolloutDevice), aliased(Rollout)


def prepare(session: Session, rollout: Rollout, now: datetime) -> None:
    release = release_of(session, rollout)
    kinds = list(DeviceKind)
    rollout.scope = checked_scope(session, rollout.scope, rollout.scope_key, kinds)
    if problem := _is_over(release, now):
        raise Invalid({"version": problem})
    former = _former(session, release)
    rollout.former_version = former.version if former else None


def refuse_another(session: Session, rollout: Rollout) -> None:
    """One at a time for a make of device: of two releases neither would know which is meant."""
    release = release_of(session, rollout)
    others = session.execute(
        select(Rollout.id, Rollout.scope, Rollout.scope_key, FirmwareRelease.hardware_ids)
        .join(FirmwareRelease, FirmwareRelease.manifest_id == Rollout.target_slug)
        .where(
            Rollout.id.is_distinct_from(rollout.id),
            Rollout.target == Target.FIRMWARE,
            Rollout.state.in_(sorted(STANDING)),
        )
    )
    for other in others:
        apart = other.scope == rollout.scope and other.scope_key != rollout.scope_key
        if not apart and set(other.hardware_ids) & set(release.hardware_ids):
            raise Conflict(f"rollout {other.id} brings these devices another release; end it first")


def members(session: Session, rollout: Rollout, now: datetime) -> list[Member]:
    """Of the makes that the release is for, in its scope, and not running it already."""
    release = release_of(session, rollout)
    return [
        Member(device.pk, device.ward_id, lately(device, now))
        for device in placed_devices(session)
        if device.model in release.hardware_ids
        and device.place.key_for(Scope(rollout.scope)) == rollout.scope_key
        and device.firmware != release.version
    ]


def obstacle(session: Session, rollout: Rollout, now: datetime) -> str | None:
    release = release_of(session, rollout)
    return _is_over(release, now) or obstacle_to_directing()


def settle(session: Session, now: datetime) -> list[Standing]:
    """Whoever has not come to it loses its offer: it gets another in its next safe moment."""
    found, unheard = [], []
    for row in _at_work(session):
        course = _course(row, now)
        if course.state in (JobState.MISSED, JobState.TIMED_OUT):
            take_offer_back(session, row.device_id, now)
        elif row.told is None and row.online and now >= row.said_at + SAY_AGAIN_AFTER:
            unheard.append(row)
        standing = Standing(
            row.id, course.state, shortened(course.reason),
            now if course.is_over else None, course.deadline,
        )  # fmt: skip
        if standing[1:] != (row.state, row.reason, None, row.deadline):
            found.append(standing)
    if unheard:
        say_again(session, unheard, now)
    return found


def late_rollouts(session: Session, now: datetime) -> Sequence[int]:
    query = _late(now).with_only_columns(RolloutDevice.rollout_id)
    return session.scalars(query.distinct()).all()


def late(session: Session, rollout: Rollout, now: datetime) -> Sequence[Candidate]:
    """Who is online again. Others are told when they are: an offer that waits at the broker would
    be followed in whatever moment they come back."""
    query = _late(now).where(RolloutDevice.rollout_id == rollout.id)
    return [Candidate(*row) for row in session.execute(query.order_by(Device.id))]


def finish(session: Session, rollout: Rollout, now: datetime) -> None:
    """Nothing is assigned: what a device runs is what it was last brought."""


def back(session: Session, rollout: Rollout, now: datetime) -> tuple[str, str]:
    """To the release before it, if the root keys have given leave for that."""
    release = release_of(session, rollout)
    former = _former(session, release)
    if former is None:
        raise Conflict("there is no release before it to go back to")
    words = f"the root keys must give leave to go back to {former.version}"
    if former.downgrade is None:
        raise Conflict(f"{words}: see fleet firmware downgrade")
    manifest = read_envelope(former.envelope)
    try:
        trust = required_trust(session)
        leave = trust.downgrade(read_envelope(former.downgrade), now)
        check_counter(trust.manifest(manifest, now), manifest, release.release_counter, leave)
    except Refused as refusal:
        raise Conflict(f"{words}: {refusal}") from refusal
    return former.manifest_id, former.version


def members_back(session: Session, rollout: Rollout, was: str, now: datetime) -> list[Member]:
    """Whoever was offered it."""
    offered = (
        select(FirmwareJob.device_pk)
        .join(RolloutDevice, RolloutDevice.id == FirmwareJob.rollout_device_id)
        .where(RolloutDevice.rollout_id == rollout.id)
    )
    return who_has(session, Device.id.in_(offered))


def take_back(session: Session, rollout: Rollout, now: datetime) -> None:
    query = (
        select(Device.device_id)
        .join(RolloutDevice, RolloutDevice.device_pk == Device.id)
        .where(RolloutDevice.rollout_id == rollout.id, IS_AT_WORK)
    )
    for device_id in session.scalars(query):
        take_offer_back(session, device_id, now)


def _is_over(release: FirmwareRelease, now: datetime) -> str | None:
    if now < release.expires_at:
        return None
    day = f"{release.expires_at:%Y-%m-%d}"
    return f"the manifest of {release.version} expired on {day}; sign it anew"


def _former(session: Session, release: FirmwareRelease) -> FirmwareRelease | None:
    """The one before it, by its counter, that is for the same devices."""
    older = session.scalars(
        select(FirmwareRelease)
        .where(FirmwareRelease.release_counter < release.release_counter)
        .order_by(FirmwareRelease.release_counter.desc())
    )
    wanted = set(release.hardware_ids)
    return next((other for other in older if wanted <= set(other.hardware_ids)), None)


def _at_work(session: Session) -> Sequence[Row[*tuple[Any, ...]]]:
    query = (
        select(
            RolloutDevice.id,
            RolloutDevice.state,
            RolloutDevice.reason,
            RolloutDevice.deadline,
            Device.device_id,
            DeviceState.online,
            Rollout.plan,
            Rollout.target_version,
            FirmwareRelease.envelope,
            FirmwareRelease.downgrade,
            FirmwareJob.job_id,
            FirmwareJob.said_at,
            FirmwareJob.state.label("told"),
            FirmwareJob.reason.label("told_reason"),
            FirmwareJob.firmware,
            FirmwareJob.changed_at,
        )
        .join(FirmwareJob, FirmwareJob.rollout_device_id == RolloutDevice.id)
        .join(Rollout, Rollout.id == RolloutDevice.rollout_id)
        .join(FirmwareRelease, FirmwareRelease.manifest_id == Rollout.target_slug)
        .join(Device, Device.id == RolloutDevice.device_pk)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(IS_AT_WORK, Rollout.target == Target.FIRMWARE)
        .order_by(RolloutDevice.id)
        .with_for_update(of=RolloutDevice)
    )
    return session.execute(query).all()


def _course(row: Row[*tuple[Any, ...]], now: datetime) -> Course:
    told = Told(row.told, row.told_reason, row.firmware, row.changed_at)
    patience = plan_from(row.plan).deadline
    state = JobState(row.state)
    return course_of(state, row.deadline, told, row.target_version, patience, now)


def _late(now: datetime) -> Select[*tuple[Any, ...]]:
    """The newest release that each device was to get, where it has neither got it nor failed."""
    heard_at = func.coalesce(FirmwareJob.changed_at, FirmwareJob.said_at)
    is_idle = or_(
        FirmwareJob.job_id.is_(None),
        FirmwareJob.state == JobState.CANCELLED,
        FirmwareJob.state.is_distinct_from(JobState.FAILED)
        & FirmwareJob.state.is_distinct_from(JobState.REJECTED)
        & (heard_at <= now - LATE_AGAIN_AFTER),
    )
    is_newer = (
        select(_NEWER.id)
        .join(_NEWER_ROLLOUT, _NEWER_ROLLOUT.id == _NEWER.rollout_id)
        .where(
            _NEWER.device_pk == RolloutDevice.device_pk,
            _NEWER.id > RolloutDevice.id,
            _NEWER.state != JobState.CANCELLED,
            _NEWER_ROLLOUT.target == Target.FIRMWARE,
        )
    )
    return (
        candidates()
        .join(RolloutDevice, RolloutDevice.device_pk == Device.id)
        .join(Rollout, Rollout.id == RolloutDevice.rollout_id)
        .join(FirmwareRelease, FirmwareRelease.manifest_id == Rollout.target_slug)
        .outerjoin(FirmwareJob, FirmwareJob.rollout_device_id == RolloutDevice.id)
        .where(
            IS_LATE,
            DeviceState.online,
            Rollout.target == Target.FIRMWARE,
            Rollout.state.in_(sorted({*LIVE, RolloutState.COMPLETED})),
            DeviceState.system["firmware"].as_string().is_distinct_from(FirmwareRelease.version),
            is_idle,
            ~is_newer.exists(),
            ~is_busy(now),
        )
    )
