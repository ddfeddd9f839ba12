"""How the fleet complies, and one device item by item."""

from typing import Any

from flask import Response

from fleet.api import clock
from fleet.api.access import Access, At, allow, reach
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.schemas import compliance as schemas
from fleet.domain.compliance import Item, judge_items
from fleet.domain.words import ComplianceState
from fleet.services.errors import NotFound
from fleet.store.queries.compliance import find_compliance
from fleet.store.queries.device import device_by_id
from fleet.store.queries.overview import compliance_totals

bp = Blueprint("Compliance", "What devices have against what they should have.")


@bp.route("/compliance")
@bp.arguments(schemas.ComplianceQuery, location="query")
@bp.page(schemas.ComplianceListedSchema, schemas.LISTED)
@allow(Access.READ, at=At.ANY)
def list_compliance(query: dict[str, Any]) -> Response:
    """Every enrolled device's state."""
    (after,) = query.get("cursor", (None,))
    found = find_compliance(
        clock.now(), query.get("state"), query.get("profile"), after, query["limit"], reach()
    )
    return paged(schemas.ComplianceListedSchema, found.rows, key(found.after))


@bp.route("/compliance/summary")
@bp.response(200, schemas.ComplianceSummarySchema, example=schemas.SUMMARY)
@allow(Access.READ, at=At.ANY)
def summarise_compliance() -> dict[str, int]:
    """How many devices are in each state."""
    return dict.fromkeys(ComplianceState, 0) | compliance_totals(clock.now(), reach())


@bp.route("/devices/<device_id:device_id>/compliance")
@bp.response(200, schemas.DeviceComplianceSchema, example=schemas.DEVICE)
@allow(Access.READ)
def get_compliance(device_id: str) -> dict[str, Any]:
    """One device, item by item."""
    row = device_by_id(device_id, clock.now())
    if row is None:
        raise NotFound(f"no device {device_id}")
    return {
        "device_id": row.device_id,
        "asset_tag": row.asset_tag,
        "ward": row.ward_slug,
        "profile": row.profile_slug,
        "number": row.profile_number,
        "state": row.compliance,
        "reason": row.compliance_reason,
        "since": row.compliance_since,
        "generation": row.generation,
        "reported_generation": row.reported_generation,
        "reported_at": row.reported_at,
        "items": [
            _shown(item, row) for item in judge_items(row.document or {}, row.reported_items)
        ],
    }


def _shown(item: Item, row: Any) -> dict[str, Any]:
    """Nothing is green, or red, by a report that nobody can rely on."""
    is_known = row.reported_at is not None and row.compliance != ComplianceState.UNKNOWN
    return {
        "path": item.path,
        "desired": item.desired,
        "reported": item.reported,
        "state": item.state if is_known else ComplianceState.UNKNOWN,
        "reason": item.reason if is_known else None,
    }
