"""Rollouts as they stand: each by its rings, its wards and its devices."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from fleet.domain.access import ALL, Reach
from fleet.domain.rollout.care import ABSENT_AFTER, Candidate, hindrance
from fleet.domain.rollout.gates import Ring
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.words import AT_WORK, FAILURES, JobState, Target
from fleet.store.database import db
from fleet.store.device import DeviceState
from fleet.store.models import (
    Blackout,
    Device,
    FirmwareJob,
    Rollout,
    RolloutDevice,
    RolloutRing,
    Ward,
)
from fleet.store.queries.whereabouts import scope_within

_STATE = RolloutDevice.state


class RolloutRow(NamedTuple):
    """`devices` and the four after it count devices; those that ended otherwise are the rest."""

    id: int
    target: str
    slug: str
    target_version: str
    former_version: str | None
    scope: str
    scope_key: str
    plan: dict[str, Any]
    state: str
    reason: str | None
    reverts: int | None
    created_at: datetime
    created_by: str
    approved_by: str | None
    started_at: datetime | None
    ended_at: datetime | None
    version: int
    devices: int
    queued: int
    at_work: int
    succeeded: int
    failed: int

    @property
    def title(self) -> str:
        what = "Firmware" if self.target == Target.FIRMWARE else self.slug
        return f"{what} {self.target_version}"


class RolloutPage(NamedTuple):
    rows: list[RolloutRow]
    before: int | None


class WardRow(NamedTuple):
    slug: str
    name: str
    devices: int
    queued: int
    at_work: int
    succeeded: int
    failed: int


class JobRow(NamedTuple):
    """`reason`: why it ended so, or why it has to wait. `progress_pct`: of a download."""

    id: int
    device_id: str
    asset_tag: str
    ward: str
    ring: int
    state: str
    reason: str | None
    progress_pct: int | None
    offered_at: datetime | None
    ended_at: datetime | None


class JobPage(NamedTuple):
    rows: list[JobRow]
    after: int | None


def find_rollouts(
    states: Collection[str] = (),
    before: int | None = None,
    limit: int = 50,
    reach: Reach = ALL,
) -> RolloutPage:
    """The newest first."""
    query = _rollouts().order_by(Rollout.id.desc()).limit(limit + 1)
    query = query.where(scope_within(Rollout.scope, Rollout.scope_key, reach))
    if states:
        query = query.where(Rollout.state.in_(states))
    if before is not None:
        query = query.where(Rollout.id < before)
    rows = [RolloutRow(*row) for row in db.session.execute(query)]
    return RolloutPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def rollout_row(rollout_id: int) -> RolloutRow | None:
    row = db.session.execute(_rollouts().where(Rollout.id == rollout_id)).first()
    return RolloutRow(*row) if row else None


def rings_of(session: Session, rollout_id: int, now: datetime) -> list[Ring]:
    """As they stand, counted in one statement."""
    seen_at = DeviceState.last_seen_at
    silent = seen_at.is_(None) | (seen_at <= now - ABSENT_AFTER)
    absent = (_STATE == JobState.QUEUED) & ~DeviceState.online & silent
    query: Select[*tuple[Any, ...]] = (
        select(
            RolloutRing.number,
            *_counts()[1:],
            _count(absent),
            RolloutRing.forgiven,
            RolloutRing.opened_at,
            RolloutRing.passed_at,
        )
        .select_from(RolloutRing)
        .outerjoin(
            RolloutDevice,
            (RolloutDevice.rollout_id == RolloutRing.rollout_id)
            & (RolloutDevice.ring == RolloutRing.number),
        )
        .outerjoin(DeviceState, DeviceState.device_pk == RolloutDevice.device_pk)
        .where(RolloutRing.rollout_id == rollout_id)
        .group_by(*RolloutRing.__table__.columns)
        .order_by(RolloutRing.number)
    )
    return [Ring(*row) for row in session.execute(query)]


def wards_of_rollout(rollout_id: int) -> list[WardRow]:
    query: Select[*tuple[Any, ...]] = (
        select(Ward.slug, Ward.name, *_counts())
        .join(RolloutDevice, RolloutDevice.ward_id == Ward.id)
        .where(RolloutDevice.rollout_id == rollout_id)
        .group_by(Ward.id, Ward.slug, Ward.name)
        .order_by(Ward.name)
    )
    return [WardRow(*row) for row in db.session.execute(query)]


def find_jobs(
    rollout_id: int,
    plan: Plan,
    states: Collection[str] = (),
    after: int | None = None,
    limit: int = 100,
) -> JobPage:
    """Its devices, the canaries first; of those in the queue, what they wait for."""
    query = (
        select(
            RolloutDevice.id,
            Device.device_id,
            Device.asset_tag,
            Ward.slug.label("ward"),
            RolloutDevice.ring,
            RolloutDevice.state,
            RolloutDevice.reason,
            FirmwareJob.progress_pct,
            RolloutDevice.offered_at,
            RolloutDevice.ended_at,
            RolloutRing.opened_at,
            *(getattr(DeviceState, name) for name in _SEEN),
            DeviceState.system["idle_s"].as_integer().label("idle_s"),
            Device.kind,
            Device.ward_id,
        )
        .join(Device, Device.id == RolloutDevice.device_pk)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Ward, Ward.id == RolloutDevice.ward_id)
        .join(
            RolloutRing,
            (RolloutRing.rollout_id == RolloutDevice.rollout_id)
            & (RolloutRing.number == RolloutDevice.ring),
        )
        .outerjoin(FirmwareJob, FirmwareJob.rollout_device_id == RolloutDevice.id)
        .where(RolloutDevice.rollout_id == rollout_id)
        .order_by(RolloutDevice.id)
        .limit(limit + 1)
    )
    if states:
        query = query.where(RolloutDevice.state.in_(states))
    if after is not None:
        query = query.where(RolloutDevice.id > after)
    rows = [_job(row, plan) for row in db.session.execute(query)]
    return JobPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def blackout() -> Blackout | None:
    """The one that is on."""
    return db.session.scalars(select(Blackout).where(Blackout.ended_at.is_(None)).limit(1)).first()


_SEEN = ("online", "availability", "plugged_in", "soc_pct")


def _job(row: Any, plan: Plan) -> JobRow:
    reason = row.reason
    if row.state == JobState.QUEUED:
        reason = _waits_for(row, plan)
    values = {name: getattr(row, name) for name in JobRow._fields}
    return JobRow(**{**values, "reason": reason})


def _waits_for(row: Any, plan: Plan) -> str:
    if row.opened_at is None:
        return "its ring has not begun"
    seen = [getattr(row, name) for name in _SEEN]
    device = Candidate._make((0, row.ward_id, row.kind, *seen, row.idle_s))
    return hindrance(device, plan) or "its turn"


def _rollouts() -> Select[*tuple[Any, ...]]:
    columns = [column for name in RolloutRow._fields if (column := _COLUMNS.get(name)) is not None]
    return (
        select(*columns, *_counts())
        .outerjoin(RolloutDevice, RolloutDevice.rollout_id == Rollout.id)
        .group_by(Rollout.id)
    )


_COLUMNS: dict[str, Any] = {
    "id": Rollout.id,
    "target": Rollout.target,
    "slug": Rollout.target_slug,
    "target_version": Rollout.target_version,
    "former_version": Rollout.former_version,
    "scope": Rollout.scope,
    "scope_key": Rollout.scope_key,
    "plan": Rollout.plan,
    "state": Rollout.state,
    "reason": Rollout.reason,
    "reverts": Rollout.reverts_id,
    "created_at": Rollout.created_at,
    "created_by": Rollout.created_by,
    "approved_by": Rollout.approved_by,
    "started_at": Rollout.started_at,
    "ended_at": Rollout.ended_at,
    "version": Rollout.version,
}


def _counts() -> list[ColumnElement[int]]:
    """Devices, and of them in the queue, at work, succeeded, failed."""
    return [
        func.count(RolloutDevice.id),
        _count(_STATE == JobState.QUEUED),
        _count(_STATE.in_(sorted(AT_WORK))),
        _count(_STATE == JobState.SUCCEEDED),
        _count(_STATE.in_(sorted(FAILURES))),
    ]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(RolloutDevice.id).filter(condition)
