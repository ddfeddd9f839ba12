"""The history of one device."""

from typing import Any

from flask import Response

from fleet.api.access import Access, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import paged
from fleet.api.devices import key_of
from fleet.api.schemas import readings as schemas
from fleet.store.queries.readings import find_readings

bp = Blueprint("Readings", "Every measurement that a device has sent.")


@bp.route("/devices/<device_id:device_id>/readings")
@bp.arguments(schemas.ReadingsQuery, location="query")
@bp.page(schemas.ReadingSchema, schemas.READING)
@allow(Access.READ)
def list_readings(query: dict[str, Any], device_id: str) -> Response:
    """The newest first, by the device's own clock."""
    found = find_readings(
        key_of(device_id),
        query.get("since"),
        query.get("until"),
        query.get("cursor"),
        query["limit"],
    )
    return paged(schemas.ReadingSchema, found.rows, found.before)
