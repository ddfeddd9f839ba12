"""Alerts follow conditions: one stands open for a device and kind as long as its condition does."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, literal, select, update
from sqlalchemy.orm import Session

from fleet.domain.webhooks.events import Event
from fleet.domain.words import AlertKind, AlertState, Lifecycle
from fleet.services.webhooks.tell import tell
from fleet.store.alert import Alert
from fleet.store.bulk import chunks, insert_or_ignore
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.types import Instant

Due = Mapping[int, Mapping[AlertKind, str]]
"""For each device (its primary key) the alerts that should stand, with their detail."""

_ID = Alert.__table__.c.id


class Standing(NamedTuple):
    id: int
    device_pk: int
    kind: str
    detail: str | None
    opened_at: datetime


def reconcile(
    session: Session, due: Due, governed: frozenset[AlertKind], now: datetime
) -> list[Standing]:
    """Open what is due and does not stand; resolve what stands, of these kinds, and is not due.

    Returns those that are resolved by it.
    """
    if not due:
        return []
    columns: Select[*tuple[Any, ...]] = select(*(getattr(Alert, name) for name in Standing._fields))
    query = columns.where(
        Alert.device_pk.in_(due), Alert.state != AlertState.RESOLVED, Alert.kind.in_(governed)
    )
    rows = [Standing(*row) for row in session.execute(query)]
    standing = {(row.device_pk, row.kind): row for row in rows}
    wanted = {(pk, kind): detail for pk, kinds in due.items() for kind, detail in kinds.items()}
    _open(session, {key: d for key, d in wanted.items() if key not in standing}, now)
    over = [row for key, row in standing.items() if key not in wanted]
    _resolve(session, [row.id for row in over], now)
    for key, row in standing.items():
        if key in wanted and row.detail != wanted[key][:256]:
            session.execute(
                update(Alert).where(Alert.id == row.id).values(detail=wanted[key][:256])
            )
    return over


def reconcile_wards(
    session: Session, kind: AlertKind, due: Mapping[int, str], now: datetime
) -> None:
    """The same for alerts of whole wards: `due` has the detail by ward."""
    standing = {
        alert.ward_id: alert
        for alert in session.scalars(
            select(Alert).where(
                Alert.kind == kind, Alert.ward_id.is_not(None), Alert.state != AlertState.RESOLVED
            )
        )
    }
    new = []
    for ward_id, detail in sorted(due.items()):
        if ward_id in standing:
            standing[ward_id].detail = detail[:256]
        else:
            new.append(Alert(ward_id=ward_id, kind=kind, detail=detail[:256], opened_at=now))
    session.add_all(new)
    session.flush()
    tell(session, Event.ALERT_OPENED, [alert.id for alert in new], now)
    _resolve(session, [a.id for ward_id, a in standing.items() if ward_id not in due], now)


def follow_rollout(
    session: Session, rollout_id: int, kind: AlertKind, detail: str | None, now: datetime
) -> None:
    """That it stands for this rollout with this detail; None: not any more."""
    if detail is None:
        standing = select(Alert.id).where(Alert.rollout_id == rollout_id, Alert.kind == kind)
        _resolve(session, list(session.scalars(standing)), now)
        return
    row = {
        "rollout_id": rollout_id,
        "kind": kind,
        "state": AlertState.OPEN,
        "detail": detail[:256],
        "opened_at": now,
        "version": 1,
    }
    opened = session.execute(insert_or_ignore(session, Alert).values(row).returning(_ID))
    tell(session, Event.ALERT_OPENED, opened.scalars().all(), now)


def in_parts(due: Due) -> Iterator[Due]:
    """For many devices: no statement takes any number of keys."""
    for some in chunks(due):
        yield {pk: due[pk] for pk in some}


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
    opening = insert_or_ignore(session, Alert).from_select(list(row), source)
    opened = session.execute(opening.returning(_ID))
    tell(session, Event.ALERT_OPENED, opened.scalars().all(), now)


def absorb_offline(session: Session, device_pks: list[int], now: datetime) -> None:
    """These devices' own alerts give way to that of the outage which they are part of."""
    absorbed = session.execute(
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
        .returning(Alert.id)
        .execution_options(synchronize_session=False)
    )
    tell(session, Event.ALERT_RESOLVED, absorbed.scalars().all(), now)


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
    opened = session.execute(insert_or_ignore(session, Alert).returning(_ID), rows)
    tell(session, Event.ALERT_OPENED, opened.scalars().all(), now)


def _resolve(session: Session, alert_ids: list[int], now: datetime) -> None:
    if not alert_ids:
        return
    resolved = session.execute(
        update(Alert)
        .where(Alert.id.in_(alert_ids), Alert.state != AlertState.RESOLVED)
        .values(state=AlertState.RESOLVED, resolved_at=now, version=Alert.version + 1)
        .returning(Alert.id)
    )
    tell(session, Event.ALERT_RESOLVED, resolved.scalars().all(), now)
