"""The history of one device: its readings one by one, and its charge over time."""

from datetime import UTC, datetime
from typing import Any

from flask import Response

from fleet.api import clock
from fleet.api.access import Access, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import paged
from fleet.api.devices import key_of
from fleet.api.schemas import readings as schemas
from fleet.store.queries.charge_history import Bucket, bucket_for, charge_history
from fleet.store.queries.readings import find_readings
from fleet.store.rollup import DAY

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


@bp.route("/devices/<device_id:device_id>/charge")
@bp.arguments(schemas.ChargeQuery, location="query")
@bp.response(200, schemas.ChargeSchema, example=schemas.CHARGE)
@allow(Access.READ)
def get_charge(query: dict[str, Any], device_id: str) -> dict[str, Any]:
    """The charge over time: each 5 minutes up to 2 days, each hour up to 60, else each day in UTC.

    In the order of time. A bucket without a reading is absent; what is older than the readings is
    in hours and days only.
    """
    until = query.get("until") or clock.now()
    since = query.get("since") or until - DAY
    width = bucket_for(until - since)
    found = charge_history(key_of(device_id), since, until, width)
    return {"bucket_s": int(width.total_seconds()), "items": [_shown(bucket) for bucket in found]}


def _shown(bucket: Bucket) -> dict[str, Any]:
    return {
        "start": datetime.fromtimestamp(bucket.start, UTC),
        "mean_pct": bucket.mean,
        "low_pct": bucket.low,
        "high_pct": bucket.high,
        "charging": bucket.charging,
    }
