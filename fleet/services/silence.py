"""Devices that have gone silent: unknown on the board, one alert each, and the change on record."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.events import silenced
from fleet.domain.words import AlertKind, Availability, Lifecycle
from fleet.services import alerts
from fleet.services.wards import touch
from fleet.store.alert import Transition
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState

AT_ONCE = 5_000


def mark_silent(now: datetime) -> int:
    """Whoever is past its offline deadline becomes unknown; returns how many did."""
    with transaction() as session:
        overdue = session.scalars(
            select(DeviceState.device_pk)
            .where(DeviceState.online, DeviceState.offline_after <= now)
            .limit(AT_ONCE)
        ).all()
        touch(session, silence(session, overdue, "not heard of", now))
    return len(overdue)


def silence(session: Session, device_pks: Sequence[int], reason: str, now: datetime) -> set[int]:
    """Part of a transaction: these devices are unknown from `now` on. Returns the wards affected.

    Only those that are still online: one that has spoken meanwhile is left alone.
    """
    if not device_pks:
        return set()
    before = {
        pk: (availability, ward_id, lifecycle)
        for pk, availability, ward_id, lifecycle in session.execute(
            select(
                DeviceState.device_pk, DeviceState.availability, Device.ward_id, Device.lifecycle
            )
            .join(Device, Device.id == DeviceState.device_pk)
            .where(DeviceState.device_pk.in_(device_pks), DeviceState.online)
            .with_for_update(of=DeviceState)
        )
    }
    session.execute(
        update(DeviceState)
        .where(DeviceState.device_pk.in_(before))
        .values(online=False, availability=Availability.UNKNOWN, reason=reason, offline_after=now)
        .execution_options(synchronize_session=False)
    )
    for pk, (availability, _, _) in before.items():
        change = silenced(availability, reason)
        session.add(
            Transition(
                device_pk=pk,
                at=now,
                aspect=change.aspect,
                old=change.old,
                new=change.new,
                detail=change.detail,
            )
        )
    # One that left management while its last reading was being recorded is nobody's trouble.
    due = {
        pk: {AlertKind.OFFLINE: reason}
        for pk, (_, _, lifecycle) in before.items()
        if lifecycle == Lifecycle.ENROLLED
    }
    alerts.reconcile(session, due, frozenset({AlertKind.OFFLINE}), now)
    return {ward_id for _, ward_id, _ in before.values()}
