"""What everybody may know, like the board: which device is where, and can it be taken."""

from datetime import datetime
from typing import Any

from flask import Response

from fleet.api import clock
from fleet.api.access import Access, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.schemas import availability as schemas
from fleet.store.queries.availability import Available, find_availability
from fleet.store.queries.runtime import runtime

bp = Blueprint("Availability", "Which cart can be taken now. Open, like the ward board.")


@bp.route("/availability")
@bp.arguments(schemas.AvailabilityQuery, location="query")
@bp.page(schemas.AvailabilitySchema, schemas.AVAILABLE)
@allow(Access.OPEN)
def list_availability(query: dict[str, Any]) -> Response:
    """Each device's availability, charge, runtime and age, by asset tag."""
    now = clock.now()
    (after,) = query.get("cursor", (None,))
    found = find_availability(now, query["kind"], query.get("ward"), after, query["limit"])
    rows = [_with_age(row, now) for row in found.rows]
    return paged(schemas.AvailabilitySchema, rows, key(found.after))


def _with_age(row: Available, now: datetime) -> dict[str, Any]:
    age = max(int((now - row.sampled_at).total_seconds()), 0) if row.sampled_at else None
    return {**row._asdict(), "age_s": age, "runtime": runtime(row, now)}
