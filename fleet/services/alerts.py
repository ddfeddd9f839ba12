"""Alerts follow conditions: one stands open for a device and kind as long as its condition does."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, literal, select, update
from sqlalchemy.orm import Session

from fleet.domain.words import AlertKind, AlertState, Lifecycle
from fleet.store.alert import Alert
from fleet.store.bulk import insert_or_ignore
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.types import Instant

Due = Mapping[int, Mapping[AlertKind, str]]
"""For each device (its primary key) the alerts that should stand, with their detail."""


def reconcile(session: Session, due: Due, governed: frozenset[AlertKind], now: datetime) -> None:
    """Open what is due and does not stand; resolve what stands, of these kinds, and is not due."""
    if not due:
        return
    standing = {
        (pk, kind): (alert_id, detail)
        for alert_id, pk, kind, detail in session.execute(
            select(Alert.id, Alert.device_pk, Alert.kind, Alert.detail).where(
                Alert.device_pk.in_(due),
                Alert.state != AlertState.RESOLVED,
                Alert.kind.in_(governed),
            )
        )
    }
    wanted = {(pk, kind): detail for pk, kinds in due.items() for kind, detail in kinds.items()}
    _open(session, {key: d for key, d in wanted.items() if key not in standing}, now)
    _resolve(session, [i for key, (i, _) in standing.items() if key not in wanted], now)
    for key, (alert_id, detail) in standing.items():
        if key in wanted and detail != wanted[key][:256]:
            session.execute(
                update(Alert).where(Alert.id == alert_id).values(detail=wanted[key][:256])
            )


def open_offline(session: Session, silent: ColumnElement[bool], now: datetime) -> None:
    """One alert for each of these devices, unless it stands already; the reason is its detail."""
    row = {
        "device_pk": DeviceState.device_pk,
        "kind": literal(AlertKind.OFFLINE.value),
        "state": literal(AlertState.OPEN.value),
        "detail": DeviceState.reason,
        "opened_at": literal(now, Instant()),
        "version": literal(1),
    }
    source = (
        select(*row.values())
        .join(Device, Device.id == DeviceState.device_pk)
        .where(silent, Device.lifecycle == Lifecycle.ENROLLED)
    )
    session.execute(insert_or_ignore(session, Alert).from_select(list(row), source))


def absorb_offline(session: Session, device_pks: list[int], now: datetime) -> None:
    """These devices' own alerts give way to that of the outage which they are part of."""
    session.execute(
        update(Alert)
        .where(
            among(session, Alert.device_pk, device_pks),
            Alert.kind == AlertKind.OFFLINE,
            Alert.state != AlertState.RESOLVED,
        )
        .values(
            state=AlertState.RESOLVED,
            detail="part of an outage",
            resolved_at=now,
            version=Alert.version + 1,
        )
        .execution_options(synchronize_session=False)
    )


def _open(session: Session, new: Mapping[tuple[int, AlertKind], str], now: datetime) -> None:
    if not new:
        return
    rows = [
        {
            "device_pk": pk,
            "kind": kind,
            "state": AlertState.OPEN,
            "detail": detail[:256],
            "opened_at": now,
            "version": 1,
        }
        for (pk, kind), detail in sorted(new.items())
    ]
    session.execute(insert_or_ignore(session, Alert), rows)


def _resolve(session: Session, alert_ids: list[int], now: datetime) -> None:
    if alert_ids:
        session.execute(
            update(Alert)
            .where(Alert.id.in_(alert_ids), Alert.state != AlertState.RESOLVED)
            .values(state=AlertState.RESOLVED, resolved_at=now, version=Alert.version + 1)
        )
