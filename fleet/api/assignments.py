"""Which profile version is assigned to what."""

from typing import Any

from flask import Response, url_for

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow, must_reach, reach
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.etags import expected, tagged
from fleet.api.schemas import profiles as schemas
from fleet.services.assign_profile import assign_profile, remove_assignment
from fleet.services.errors import Conflict, Invalid, NotFound, StaleVersion
from fleet.store.queries.assignments import AssignmentRow, assignment_row, find_assignments

bp = Blueprint("Assignments", "Which profile version is for which site, kind, ward or device.")

ONE = "/assignments/<number:assignment_id>"


@bp.route("/assignments")
@bp.arguments(schemas.AssignmentsQuery, location="query")
@bp.page(schemas.AssignmentSchema, schemas.ASSIGNMENT)
@allow(Access.READ, at=At.ANY)
def list_assignments(query: dict[str, Any]) -> Response:
    """All of them. For a device the most specific counts: device, ward, kind, site."""
    (after,) = query.get("cursor", (None,))
    found = find_assignments(
        query.get("profile"), query.get("scope"), after, query["limit"], reach()
    )
    return paged(schemas.AssignmentSchema, found.rows, key(found.after))


@bp.route("/assignments", methods=["POST"])
@bp.arguments(schemas.NewAssignmentSchema, example=schemas.NEW_ASSIGNMENT)
@bp.response(201, schemas.AssignmentSchema, example=schemas.ASSIGNMENT)
@allow(Access.PROFILES, at=At.ANY, etag=True)
def create_assignment(body: dict[str, Any]) -> Response:
    """Assign a profile version; every device in its scope is told."""
    must_reach(Access.PROFILES, body["scope"], body["scope_key"], "scope_key")
    try:
        assignment_id = assign_profile(
            **_named(body), actor=actor(), now=clock.now(), expected_version=0
        )
    except NotFound as missing:
        raise Invalid({"number": missing.message}) from missing
    except StaleVersion as there:
        raise Conflict(
            f"{body['profile']} is assigned to {body['scope']} {body['scope_key']} already; "
            "change that assignment"
        ) from there
    location = url_for("Assignments.get_assignment", assignment_id=assignment_id)
    return _answer(assignment_id, status=201, location=location)


@bp.route(ONE)
@bp.response(200, schemas.AssignmentSchema, example=schemas.ASSIGNMENT)
@allow(Access.READ, etag=True)
def get_assignment(assignment_id: int) -> Response:
    """One assignment."""
    return _answer(assignment_id)


@bp.route(ONE, methods=["PATCH"])
@bp.arguments(schemas.AssignmentChangeSchema, example={"number": 2})
@bp.response(200, schemas.AssignmentSchema, example=schemas.ASSIGNMENT)
@allow(Access.PROFILES, if_match=True, etag=True)
def patch_assignment(body: dict[str, Any], assignment_id: int) -> Response:
    """Move it to another version of its profile."""
    row = _assignment(assignment_id)
    version = expected(row.version)
    try:
        assign_profile(
            row.profile, body["number"], row.scope, row.scope_key, actor(), clock.now(), version
        )
    except NotFound as missing:
        raise Invalid({"number": missing.message}) from missing
    return _answer(assignment_id)


@bp.route(ONE, methods=["DELETE"])
@bp.response(204)
@allow(Access.PROFILES, if_match=True)
def delete_assignment(assignment_id: int) -> Response:
    """Take it away: devices go on with what the next wider assignment says."""
    version = expected(_assignment(assignment_id).version)
    remove_assignment(assignment_id, actor(), clock.now(), version)
    return Response(status=204)


def _named(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "profile_slug": body["profile"],
        "number": body["number"],
        "scope": body["scope"],
        "scope_key": body["scope_key"],
    }


def _assignment(assignment_id: int) -> AssignmentRow:
    row = assignment_row(assignment_id)
    if row is None:
        raise NotFound(f"no assignment {assignment_id}")
    return row


def _answer(assignment_id: int, status: int = 200, location: str | None = None) -> Response:
    row = _assignment(assignment_id)
    return tagged(schemas.AssignmentSchema, row, row.version, status, location)
