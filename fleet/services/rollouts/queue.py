"""Who stands in the queue of a rollout, and what their wards can spare now."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session, aliased

from fleet.domain.rollout.care import Candidate, Place, Stock
from fleet.domain.rollout.care import Ward as Care
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.windows import is_open, parse
from fleet.domain.rollout.words import JobState
from fleet.domain.words import Availability, Lifecycle
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.queries.as_of import held_availability
from fleet.store.rollout import IS_AT_WORK, RolloutDevice, RolloutRing
from fleet.store.site import Site, Ward

_OTHER = aliased(RolloutDevice)
IS_BUSY = Device.id.in_(select(RolloutDevice.device_pk).where(IS_AT_WORK).correlate(None))
"""A rollout has it at work, whichever."""


def queued(session: Session, rollout_id: int, care: Mapping[int, Care]) -> list[Candidate]:
    """In open rings, heard of, of wards whose windows are open: others need not be looked at."""
    query = (
        candidates()
        .join(_OTHER, _OTHER.device_pk == Device.id)
        .where(
            _OTHER.rollout_id == rollout_id,
            _OTHER.state == JobState.QUEUED,
            _is_in_open_ring(rollout_id),
            DeviceState.online,
            ~IS_BUSY,
            among(session, Device.ward_id, [pk for pk, ward in care.items() if ward.is_open]),
        )
        .order_by(_OTHER.ring, _OTHER.id)
    )
    return [Candidate(*row) for row in session.execute(query)]


def silent_in_queue(session: Session, rollout_id: int, most: int) -> list[int]:
    query = (
        select(_OTHER.device_pk)
        .join(DeviceState, DeviceState.device_pk == _OTHER.device_pk)
        .join(Device, Device.id == _OTHER.device_pk)
        .where(
            _OTHER.rollout_id == rollout_id,
            _OTHER.state == JobState.QUEUED,
            ~DeviceState.online,
            ~IS_BUSY,
        )
        .order_by(_OTHER.id)
        .limit(most)
    )
    return list(session.scalars(query))


def candidates() -> Select[*tuple[Any, ...]]:
    """The columns of `Candidate`, of devices that are enrolled."""
    return (
        select(
            Device.id,
            Device.ward_id,
            Device.kind,
            DeviceState.online,
            held_availability(),
            DeviceState.plugged_in,
            DeviceState.soc_pct,
            DeviceState.system["idle_s"].as_integer(),
        )
        .select_from(Device)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(Device.lifecycle == Lifecycle.ENROLLED)
    )


def care_of_wards(session: Session, plan: Plan, now: datetime) -> dict[int, Care]:
    query = select(
        Ward.id, Ward.min_available, Ward.maintenance_windows, Site.timezone
    ).join(Site, Site.id == Ward.site_id)  # fmt: skip
    return {
        pk: Care(least, is_open(map(parse, windows), ZoneInfo(timezone), now, plan.takes))
        for pk, least, windows, timezone in session.execute(query)
    }


def stocks(session: Session, ward_ids: Collection[int]) -> dict[Place, Stock]:
    """Of these wards; at work counts for whatever rollout."""
    is_at_work = RolloutDevice.id.is_not(None)
    is_free = and_(DeviceState.online, held_availability() == Availability.AVAILABLE, ~is_at_work)
    query = (
        select(Device.ward_id, Device.kind, func.count(), _sum(is_free), _sum(is_at_work))
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .outerjoin(RolloutDevice, and_(RolloutDevice.device_pk == Device.id, IS_AT_WORK))
        .where(
            among(session, Device.ward_id, sorted(ward_ids)),
            Device.lifecycle == Lifecycle.ENROLLED,
        )
        .group_by(Device.ward_id, Device.kind)
    )
    return {(ward, kind): Stock(*counts) for ward, kind, *counts in session.execute(query)}


def _is_in_open_ring(rollout_id: int) -> ColumnElement[bool]:
    rings = select(RolloutRing.number).where(
        RolloutRing.rollout_id == rollout_id, RolloutRing.opened_at.is_not(None)
    )
    return _OTHER.ring.in_(rings)


def _sum(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
