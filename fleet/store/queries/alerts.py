"""Alerts, the newest first: those that stand, or those of one state, kind, ward or device."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from fleet.domain.words import AlertState
from fleet.store.database import db
from fleet.store.models import Alert, Device, Ward


class AlertRow(NamedTuple):
    """`ward` is the slug."""

    id: int
    kind: str
    state: str
    detail: str | None
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    version: int
    device_id: str
    asset_tag: str
    ward: str
    ward_name: str


class AlertPage(NamedTuple):
    """`before`: the id before which the next page begins; None at the end."""

    rows: list[AlertRow]
    before: int | None


def find_alerts(
    state: str | None = None,
    kind: str | None = None,
    ward: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> AlertPage:
    """Without a state: all that are not resolved."""
    query = _alerts().limit(limit + 1)
    query = query.where(Alert.state == state if state else Alert.state != AlertState.RESOLVED)
    if kind is not None:
        query = query.where(Alert.kind == kind)
    if ward is not None:
        query = query.where(Ward.slug == ward)
    if before is not None:
        query = query.where(Alert.id < before)
    rows = [AlertRow(*row) for row in db.session.execute(query)]
    return AlertPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def alert_by_id(alert_id: int) -> AlertRow | None:
    row = db.session.execute(_alerts().where(Alert.id == alert_id)).first()
    return AlertRow(*row) if row else None


def alerts_of(device_pk: int, limit: int = 20) -> list[AlertRow]:
    """One device's standing alerts."""
    query = _alerts().where(Alert.device_pk == device_pk, Alert.state != AlertState.RESOLVED)
    return [AlertRow(*row) for row in db.session.execute(query.limit(limit))]


def _alerts() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Alert.id,
            Alert.kind,
            Alert.state,
            Alert.detail,
            Alert.opened_at,
            Alert.acknowledged_at,
            Alert.acknowledged_by,
            Alert.resolved_at,
            Alert.version,
            Device.device_id,
            Device.asset_tag,
            Ward.slug,
            Ward.name,
        )
        .join(Device, Device.id == Alert.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .order_by(Alert.id.desc())
    )
