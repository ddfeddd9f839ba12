"""Signed offers to the devices of a firmware rollout."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update
from sqlalchemy.orm import Session

from fleet.services import outbox
from fleet.services.directing import offer_of
from fleet.services.errors import Invalid
from fleet.store.device import Device
from fleet.store.driver import BulkInsert, among
from fleet.store.firmware import FirmwareRelease
from fleet.store.rollout import FirmwareJob, Rollout, RolloutDevice
from fleet.wire.firmware import TAKEN_BACK

CHANNEL = "job"
_JOB = BulkInsert(FirmwareJob, ("rollout_device_id", "device_pk", "job_id", "said_at"))


def release_of(session: Session, rollout: Rollout) -> FirmwareRelease:
    """Raises Invalid where there is none."""
    manifest_id, version = rollout.target_slug, rollout.target_version
    release = session.scalar(
        select(FirmwareRelease).where(
            FirmwareRelease.manifest_id == manifest_id, FirmwareRelease.version == version
        )
    )
    if release is None:
        raise Invalid({"version": f"no firmware release {manifest_id} with version {version}"})
    return release


def offer(session: Session, rollout: Rollout, pks: Sequence[int], now: datetime) -> None:
    """What a device has said of a former offer is forgotten."""
    release = release_of(session, rollout)
    rows = session.execute(
        select(RolloutDevice.id, RolloutDevice.device_pk, Device.device_id)
        .join(Device, Device.id == RolloutDevice.device_pk)
        .where(RolloutDevice.rollout_id == rollout.id, among(session, Device.id, pks))
        .order_by(RolloutDevice.id)
    ).all()
    session.execute(
        delete(FirmwareJob)
        .where(among(session, FirmwareJob.rollout_device_id, [row.id for row in rows]))
        .execution_options(synchronize_session=False)
    )
    jobs = []
    for row in rows:
        job_id = f"{rollout.id}-{row.device_pk}-{int(now.timestamp())}"
        _say(session, row.device_id, job_id, release, now)
        jobs.append((row.id, row.device_pk, job_id, now))
    _JOB.run(session, jobs)


def say_again(session: Session, rows: Sequence[Row[*tuple[Any, ...]]], now: datetime) -> None:
    for row in rows:
        _say(session, row.device_id, row.job_id, row, now)
    session.execute(
        update(FirmwareJob)
        .where(among(session, FirmwareJob.rollout_device_id, [row.id for row in rows]))
        .values(said_at=now)
        .execution_options(synchronize_session=False)
    )


def take_offer_back(session: Session, device_id: str, now: datetime) -> None:
    """As far as the device has not begun to install."""
    outbox.leave(session, device_id, CHANNEL, TAKEN_BACK, now, retain=True)


def _say(session: Session, device_id: str, job_id: str, release: Any, now: datetime) -> None:
    """Signed for this device alone."""
    message = offer_of(release.envelope, release.downgrade, device_id, job_id, now)
    outbox.leave(session, device_id, CHANNEL, message, now, retain=True)
