"""Whom a rollout is for: the devices for which its assignment counts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.assignment import Claim, Place, most_specific, with_pin
from fleet.domain.rollout.care import ABSENT_AFTER
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.rings import Member, rings
from fleet.domain.rollout.words import JobState
from fleet.domain.words import Lifecycle
from fleet.services.desired_state import claims_of
from fleet.store.device import Device, DeviceState
from fleet.store.driver import BulkInsert
from fleet.store.rollout import ProfilePin, Rollout, RolloutDevice, RolloutRing
from fleet.store.site import Site, Ward

_ENTER = BulkInsert(RolloutDevice, ("rollout_id", "device_pk", "ward_id", "ring", "state"))
ONLY_RING = 1
"""Where there are no canaries."""


def members(session: Session, claim: Claim, now: datetime) -> list[Member]:
    """For whom this claim counts: no other is more specific."""
    claims = with_pin(claims_of(session), claim, claim.profile_version_id)
    found = []
    for pk, ward_id, device_id, kind, ward, site, online, seen_at in _devices(session):
        winner = most_specific(claims, Place(device_id, kind, ward, site))
        if winner is not None and winner.key == claim.key:
            found.append(Member(pk, ward_id, online or _lately(seen_at, now)))
    return found


def pinned_members(session: Session, rollout_id: int) -> list[Member]:
    """Who has another version than its assignment says, because of this rollout."""
    query = (
        select(Device.id, Device.ward_id)
        .join(ProfilePin, ProfilePin.device_pk == Device.id)
        .where(ProfilePin.rollout_id == rollout_id, Device.lifecycle == Lifecycle.ENROLLED)
    )
    return [Member(pk, ward_id, heard=True) for pk, ward_id in session.execute(query)]


def enter(
    session: Session, rollout: Rollout, found: Sequence[Member], plan: Plan, now: datetime
) -> None:
    """Into their rings, of which the first opens. One that reverts has a single ring."""
    if rollout.reverts_id is None:
        seed = f"{rollout.id}/{rollout.created_at.isoformat()}"
        slices = dict(enumerate(rings(found, plan, seed)))
    else:
        slices = {ONLY_RING: [member.pk for member in found]}
    session.add_all(
        RolloutRing(rollout_id=rollout.id, number=number, forgiven=0,
                    opened_at=now if number == min(slices) else None)
        for number in slices
    )  # fmt: skip
    session.flush()
    home = {member.pk: member.ward_id for member in found}
    _ENTER.run(
        session,
        [
            (rollout.id, pk, home[pk], number, JobState.QUEUED)
            for number, ring in slices.items()
            for pk in sorted(ring)
        ],
    )


def _lately(seen_at: datetime | None, now: datetime) -> bool:
    return seen_at is not None and seen_at > now - ABSENT_AFTER


def _devices(
    session: Session,
) -> Sequence[tuple[int, int, str, str, str, str, bool, datetime | None]]:
    query = (
        select(
            Device.id,
            Device.ward_id,
            Device.device_id,
            Device.kind,
            Ward.slug,
            Site.slug,
            DeviceState.online,
            DeviceState.last_seen_at,
        )
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
        .where(Device.lifecycle == Lifecycle.ENROLLED)
        .order_by(Device.id)
    )
    return [(*row,) for row in session.execute(query)]
