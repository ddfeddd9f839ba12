"""Alerts follow conditions: one stands open for a device and kind as long as its condition does."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.words import AlertKind, AlertState
from fleet.store.alert import Alert
from fleet.store.bulk import insert_or_ignore

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
