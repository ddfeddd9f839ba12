"""Alerts, and the messages that were not accepted."""

from typing import Any

from flask import Response

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow, reach
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.etags import expected, tagged
from fleet.api.schemas import alerts as schemas
from fleet.services.acknowledge_alert import acknowledge_alert
from fleet.services.errors import NotFound
from fleet.store.queries.alerts import AlertRow, alert_by_id, find_alerts
from fleet.store.queries.quarantine import find_quarantined

bp = Blueprint("Alerts", "What needs a human, and messages that were not accepted.")

ONE = "/alerts/<number:alert_id>"


@bp.route("/alerts")
@bp.arguments(schemas.AlertsQuery, location="query")
@bp.page(schemas.AlertSchema, schemas.ALERT)
@allow(Access.READ, at=At.ANY)
def list_alerts(query: dict[str, Any]) -> Response:
    """The newest first; without a state all that are not resolved."""
    (before,) = query.get("cursor", (None,))
    found = find_alerts(
        query.get("state"), query.get("kind"), query.get("ward"), before, query["limit"], reach()
    )
    return paged(schemas.AlertSchema, found.rows, key(found.before))


@bp.route(ONE)
@bp.response(200, schemas.AlertSchema, example=schemas.ALERT)
@allow(Access.READ, etag=True)
def get_alert(alert_id: int) -> Response:
    """One alert."""
    row = _alert(alert_id)
    return tagged(schemas.AlertSchema, row, row.version)


@bp.route(f"{ONE}/acknowledge", methods=["POST"])
@bp.response(200, schemas.AlertSchema, example=schemas.ALERT)
@allow(Access.ACKNOWLEDGE, if_match=True, etag=True)
def acknowledge(alert_id: int) -> Response:
    """Say that somebody takes care of it. Its condition itself goes on."""
    version = expected(_alert(alert_id).version)
    acknowledge_alert(alert_id, actor(), clock.now(), version)
    row = _alert(alert_id)
    return tagged(schemas.AlertSchema, row, row.version)


@bp.route("/quarantine")
@bp.arguments(schemas.QuarantineQuery, location="query")
@bp.page(schemas.QuarantinedSchema, schemas.QUARANTINED)
@allow(Access.READ)
def list_quarantined(query: dict[str, Any]) -> Response:
    """Messages that could not be accepted, the newest first."""
    (before,) = query.get("cursor", (None,))
    found = find_quarantined(query.get("device_id"), before, query["limit"])
    return paged(schemas.QuarantinedSchema, found.rows, key(found.before))


def _alert(alert_id: int) -> AlertRow:
    row = alert_by_id(alert_id)
    if row is None:
        raise NotFound(f"no alert {alert_id}")
    return row
