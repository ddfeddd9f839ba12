"""A device leaves management: it is told nothing more, and its history stays."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.words import AlertKind, Availability, ComplianceState, Lifecycle
from fleet.services import alerts, audit, outbox
from fleet.services.certificates import revoke_all
from fleet.services.enrolment_tokens import withdraw
from fleet.services.errors import Conflict, NotFound, StaleVersion
from fleet.services.holds import let_go
from fleet.services.wards import touch
from fleet.store.alert import Transition
from fleet.store.configuration import Configuration
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState


def decommission_device(
    device_id: str, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """Its alerts are resolved, its certificates and tokens void, and the broker forgets it.

    What it goes on saying is quarantined, its history stays. Raises NotFound, StaleVersion, or
    Conflict if it has left already.
    """
    with transaction() as session:
        device = session.scalar(select(Device).where(Device.device_id == device_id))
        if device is None:
            raise NotFound(f"no device {device_id}")
        if device.lifecycle != Lifecycle.ENROLLED:
            raise Conflict(f"{device_id} is decommissioned already")
        if expected_version not in (None, device.version):
            raise StaleVersion(f"{device_id} has changed since it was read")
        _leave(session, device)
        _fall_silent(session, device.id)
        let_go(session, device.id, actor, now)
        alerts.reconcile(session, {device.id: {}}, frozenset(AlertKind), now)
        for channel in ("desired", "job", "trust"):
            outbox.leave(session, device_id, channel, None, now, retain=True)
        revoke_all(session, device.id, now)
        withdraw(session, [device.id], now)
        words = (str(Lifecycle.ENROLLED), str(Lifecycle.DECOMMISSIONED))
        session.add(
            Transition(device_pk=device.id, at=now, aspect="lifecycle", old=words[0], new=words[1])
        )
        before, after = ({"lifecycle": word} for word in words)
        audit.record(session, actor, "device.decommission", device_id, now, before, after)
        touch(session, {device.ward_id})


def _leave(session: Session, device: Device) -> None:
    changed = session.execute(
        update(Device)
        .where(Device.id == device.id, Device.version == device.version)
        .values(lifecycle=Lifecycle.DECOMMISSIONED, version=device.version + 1)
        .returning(Device.id)
        .execution_options(synchronize_session=False)
    ).all()
    if not changed:
        raise StaleVersion(f"{device.device_id} has changed since it was read")


def _fall_silent(session: Session, device_pk: int) -> None:
    """No deadline is left that could raise an alert about it later."""
    session.execute(
        update(DeviceState)
        .where(DeviceState.device_pk == device_pk)
        .values(
            online=False,
            availability=Availability.UNKNOWN,
            offline_after=None,
            alert_after=None,
            outage_id=None,
        )
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Configuration)
        .where(Configuration.device_pk == device_pk)
        .values(
            profile_version_id=None,
            compliance=ComplianceState.UNKNOWN,
            compliance_reason=None,
            judge_after=None,
        )
        .execution_options(synchronize_session=False)
    )
