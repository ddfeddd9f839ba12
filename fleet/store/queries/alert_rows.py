"""Alerts as programs see them: with their history, and by ward."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from fleet.domain.words import AlertState
from fleet.store.database import db
from fleet.store.models import Alert, Device, Ward


class AlertRow(NamedTuple):
    id: int
    device_id: str
    asset_tag: str
    ward: str
    kind: str
    state: str
    detail: str | None
    opened_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    version: int


class AlertPage(NamedTuple):
    rows: list[AlertRow]
    before: int | None


def find_alert_rows(
    state: str | None = None,
    kind: str | None = None,
    ward: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> AlertPage:
    """The newest first. Without a state: all that are not resolved."""
    query = _alerts().order_by(Alert.id.desc()).limit(limit + 1)
    query = query.where(Alert.state == state if state else Alert.state != AlertState.RESOLVED)
    if kind is not None:
        query = query.where(Alert.kind == kind)
    if ward is not None:
        query = query.where(Ward.slug == ward)
    if before is not None:
        query = query.where(Alert.id < before)
    rows = [AlertRow(*row) for row in db.session.execute(query)]
    return AlertPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def alert_row(alert_id: int) -> AlertRow | None:
    row = db.session.execute(_alerts().where(Alert.id == alert_id)).first()
    return AlertRow(*row) if row else None


def _alerts() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Alert.id,
            Device.device_id,
            Device.asset_tag,
            Ward.slug,
            Alert.kind,
            Alert.state,
            Alert.detail,
            Alert.opened_at,
            Alert.acknowledged_at,
            Alert.acknowledged_by,
            Alert.resolved_at,
            Alert.version,
        )
        .join(Device, Device.id == Alert.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
    )
