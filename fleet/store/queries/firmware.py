"""Firmware releases, the trust document in force, and how many devices run what."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, DeviceState, FirmwareRelease, TrustVersion
from fleet.store.queries.whereabouts import within


class ReleaseRow(NamedTuple):
    """`envelope` and `downgrade` are as they were signed."""

    id: int
    manifest_id: str
    manifest_sha256: str
    version: str
    release_counter: int
    hardware_ids: list[str]
    sha256: str
    length: int
    issued_at: datetime
    expires_at: datetime
    envelope: bytes
    downgrade: bytes | None
    added_at: datetime
    added_by: str


class ReleasePage(NamedTuple):
    rows: list[ReleaseRow]
    before: int | None


class Running(NamedTuple):
    """Devices under management that a release fits, and those that say that they run it."""

    fits: int
    runs: int


_COLUMNS = [getattr(FirmwareRelease, name) for name in ReleaseRow._fields]


def find_releases(before: int | None = None, limit: int = 100) -> ReleasePage:
    """The newest first."""
    query = select(*_COLUMNS).order_by(FirmwareRelease.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(FirmwareRelease.id < before)
    rows = [ReleaseRow(*row) for row in db.session.execute(query)]
    return ReleasePage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def release_by_id(release_id: int) -> ReleaseRow | None:
    row = db.session.execute(select(*_COLUMNS).where(FirmwareRelease.id == release_id)).first()
    return ReleaseRow(*row) if row else None


def release_of_file(sha256: str) -> ReleaseRow | None:
    """The newest release that has this file."""
    query = select(*_COLUMNS).where(FirmwareRelease.sha256 == sha256)
    row = db.session.execute(query.order_by(FirmwareRelease.id.desc())).first()
    return ReleaseRow(*row) if row else None


def trust_chain() -> list[bytes]:
    """Every trust document, oldest first."""
    return list(db.session.scalars(select(TrustVersion.envelope).order_by(TrustVersion.version)))


def running(releases: Iterable[ReleaseRow], reach: Reach = ALL) -> dict[int, Running]:
    """By release; of the devices that are within reach."""
    told = DeviceState.system["firmware"].as_string()
    query = (
        select(Device.model, told, func.count())
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(
            Device.lifecycle == Lifecycle.ENROLLED,
            Device.model.is_not(None),
            within(Device.ward_id, reach),
        )
        .group_by(Device.model, told)
    )
    fleet: dict[str, dict[str | None, int]] = defaultdict(dict)
    for model, version, devices in db.session.execute(query):
        fleet[model][version] = devices
    return {
        release.id: Running(
            sum(sum(fleet[model].values()) for model in release.hardware_ids if model in fleet),
            sum(fleet[m].get(release.version, 0) for m in release.hardware_ids if m in fleet),
        )
        for release in releases
    }
