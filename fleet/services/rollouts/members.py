"""Whom a rollout is for, divided into rings."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from fleet.domain.assignment import Place
from fleet.domain.rollout.care import ABSENT_AFTER
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.rings import Member, rings
from fleet.domain.rollout.words import JobState
from fleet.domain.words import Lifecycle
from fleet.store.device import Device, DeviceState
from fleet.store.driver import BulkInsert
from fleet.store.rollout import Rollout, RolloutDevice, RolloutRing
from fleet.store.site import Site, Ward

_ENTER = BulkInsert(RolloutDevice, ("rollout_id", "device_pk", "ward_id", "ring", "state"))
ONLY_RING = 1
"""Where there are no canaries."""


class Placed(NamedTuple):
    """A device where it stands; `firmware` is what it says that it runs."""

    pk: int
    ward_id: int
    device_id: str
    kind: str
    model: str | None
    ward: str
    site: str
    online: bool
    seen_at: datetime | None
    firmware: str | None

    @property
    def place(self) -> Place:
        return Place(self.device_id, self.kind, self.ward, self.site)


def placed_devices(session: Session) -> list[Placed]:
    """All that are enrolled."""
    query = (
        select(
            Device.id,
            Device.ward_id,
            Device.device_id,
            Device.kind,
            Device.model,
            Ward.slug,
            Site.slug,
            DeviceState.online,
            DeviceState.last_seen_at,
            DeviceState.system["firmware"].as_string(),
        )
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
        .where(Device.lifecycle == Lifecycle.ENROLLED)
        .order_by(Device.id)
    )
    return [Placed(*row) for row in session.execute(query)]


def lately(device: Placed, now: datetime) -> bool:
    """Whether it was heard of, so that something can be learnt from it."""
    seen_at = device.seen_at
    return device.online or (seen_at is not None and seen_at > now - ABSENT_AFTER)


def who_has(session: Session, condition: ColumnElement[bool]) -> list[Member]:
    """Enrolled devices of which this is so."""
    query = select(Device.id, Device.ward_id).where(
        condition, Device.lifecycle == Lifecycle.ENROLLED
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
