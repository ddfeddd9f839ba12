"""Somebody has seen an alert and takes care of it; the condition itself goes on."""

from datetime import datetime

from sqlalchemy import update

from fleet.domain.words import AlertState
from fleet.services import audit
from fleet.services.errors import Conflict, NotFound, StaleVersion
from fleet.store.alert import Alert
from fleet.store.database import transaction


def acknowledge_alert(
    alert_id: int, actor: str, now: datetime, expected_version: int | None = None
) -> None:
    """Compare-and-set from `open`. Raises NotFound, StaleVersion, or Conflict if not open."""
    with transaction() as session:
        alert = session.get(Alert, alert_id)
        if alert is None:
            raise NotFound(f"no alert {alert_id}")
        if expected_version is not None and alert.version != expected_version:
            raise StaleVersion(f"alert {alert_id} has changed since it was read")
        changed = session.execute(
            update(Alert)
            .where(Alert.id == alert_id, Alert.state == AlertState.OPEN)
            .values(
                state=AlertState.ACKNOWLEDGED,
                acknowledged_at=now,
                acknowledged_by=actor,
                version=Alert.version + 1,
            )
            .returning(Alert.id)
        ).all()
        if not changed:
            raise Conflict(f"alert {alert_id} is {alert.state}, not open")
        audit.record(
            session,
            actor,
            "alert.acknowledge",
            f"alert/{alert_id}",
            now,
            before={"state": AlertState.OPEN},
            after={"state": AlertState.ACKNOWLEDGED},
        )
