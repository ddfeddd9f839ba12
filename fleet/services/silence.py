"""Devices that have gone silent: unknown on the board, one alert each, and the change on record."""

from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from fleet.domain.events import silenced
from fleet.domain.words import AlertKind, Availability, Lifecycle
from fleet.services import alerts, transitions
from fleet.services.wards import touch
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState

AT_ONCE = 5_000


def mark_silent(now: datetime) -> int:
    """Whoever is past its offline deadline becomes unknown; returns how many did."""
    with transaction() as session:
        silent, wards = silence(session, DeviceState.offline_after <= now, "not heard of", now)
        touch(session, wards)
    return silent


def silence(
    session: Session, chosen: ColumnElement[bool], reason: str, now: datetime
) -> tuple[int, set[int]]:
    """Part of a transaction: the chosen devices that are online are unknown from `now` on.

    Returns how many they were, and their wards. Rows are locked as they are chosen: a device that
    speaks at this moment is either heard first, and left alone, or heard again afterwards.
    """
    before = {
        pk: (availability, ward_id, lifecycle)
        for pk, availability, ward_id, lifecycle in session.execute(
            select(
                DeviceState.device_pk, DeviceState.availability, Device.ward_id, Device.lifecycle
            )
            .join(Device, Device.id == DeviceState.device_pk)
            .where(DeviceState.online, chosen)
            .order_by(DeviceState.device_pk)
            .limit(AT_ONCE)
            .with_for_update(of=DeviceState)
        )
    }
    if not before:
        return 0, set()
    session.execute(
        update(DeviceState)
        .where(DeviceState.device_pk.in_(before))
        .values(online=False, availability=Availability.UNKNOWN, reason=reason, offline_after=now)
        .execution_options(synchronize_session=False)
    )
    changes = [(pk, silenced(word, reason)) for pk, (word, _, _) in before.items()]
    transitions.record(session, changes, now)
    # One that left management while its last reading was being recorded is nobody's trouble.
    due = {
        pk: {AlertKind.OFFLINE: reason}
        for pk, (_, _, lifecycle) in before.items()
        if lifecycle == Lifecycle.ENROLLED
    }
    alerts.reconcile(session, due, frozenset({AlertKind.OFFLINE}), now)
    return len(before), {ward_id for _, ward_id, _ in before.values()}
