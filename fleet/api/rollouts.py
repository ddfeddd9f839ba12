"""Rollouts: proposed, approved by another, watched, steered."""

from typing import Any

from flask import Response, url_for

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow, must_reach, reach
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.etags import expected, tagged
from fleet.api.schemas import rollouts as schemas
from fleet.domain.rollout.outlook import expected_end
from fleet.domain.rollout.plan import plan_from
from fleet.domain.rollout.words import RolloutState
from fleet.services.errors import NotFound
from fleet.services.rollouts import steer
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.blackout import begin_blackout, end_blackout
from fleet.services.rollouts.care import set_ward_care
from fleet.services.rollouts.propose import propose_rollout
from fleet.services.rollouts.roll_back import roll_back
from fleet.store.database import db
from fleet.store.queries import rollouts as stored

bp = Blueprint("Rollouts", "One version to many devices, in rings, and never at a ward's cost.")

ONE = "/rollouts/<number:rollout_id>"
STEPS = {
    "reject": steer.reject_rollout,
    "pause": steer.pause_rollout,
    "resume": steer.resume_rollout,
    "halt": steer.halt_rollout,
    "cancel": steer.cancel_rollout,
}


@bp.route("/rollouts")
@bp.arguments(schemas.RolloutsQuery, location="query")
@bp.page(schemas.RolloutListedSchema, schemas.LISTED)
@allow(Access.READ, at=At.ANY)
def list_rollouts(query: dict[str, Any]) -> Response:
    """The newest first."""
    (before,) = query.get("cursor", (None,))
    states = [query["state"]] if "state" in query else []
    found = stored.find_rollouts(states, before, query["limit"], reach())
    return paged(schemas.RolloutListedSchema, found.rows, key(found.before))


@bp.route("/rollouts", methods=["POST"])
@bp.arguments(schemas.NewRolloutSchema, example=schemas.NEW)
@bp.response(201, schemas.RolloutSchema, example=schemas.ROLLOUT)
@allow(Access.PROPOSE, at=At.ANY, etag=True)
def create_rollout(body: dict[str, Any]) -> Response:
    """Propose one. It begins once somebody else has approved it."""
    must_reach(Access.PROPOSE, body["scope"], body["scope_key"], "scope_key")
    rollout_id = propose_rollout(**body, actor=actor(), now=clock.now())
    location = url_for("Rollouts.get_rollout", rollout_id=rollout_id)
    return _answer(rollout_id, 201, location)


@bp.route(ONE)
@bp.response(200, schemas.RolloutSchema, example=schemas.ROLLOUT)
@allow(Access.READ, etag=True)
def get_rollout(rollout_id: int) -> Response:
    """One rollout, by its rings and wards."""
    return _answer(rollout_id)


@bp.route(f"{ONE}/devices")
@bp.arguments(schemas.RolloutDevicesQuery, location="query")
@bp.page(schemas.RolloutDeviceSchema, schemas.JOB)
@allow(Access.READ)
def list_rollout_devices(query: dict[str, Any], rollout_id: int) -> Response:
    """What each of its devices is about, and why."""
    row = _row(rollout_id)
    (after,) = query.get("cursor", (None,))
    states = [query["state"]] if "state" in query else []
    found = stored.find_jobs(rollout_id, plan_from(row.plan), states, after, query["limit"])
    return paged(schemas.RolloutDeviceSchema, found.rows, key(found.after))


@bp.route(f"{ONE}/approve", methods=["POST"])
@bp.response(200, schemas.RolloutSchema, example=schemas.ROLLOUT)
@allow(Access.APPROVE, if_match=True, etag=True)
def approve_proposed(rollout_id: int) -> Response:
    """Let it begin. Not for who proposed it."""
    version = expected(_row(rollout_id).version)
    approve_rollout(rollout_id, actor(), clock.now(), version)
    return _answer(rollout_id)


@bp.route(f"{ONE}/<any(reject, pause, resume, halt, cancel):step>", methods=["POST"])
@bp.response(200, schemas.RolloutSchema, example=schemas.ROLLOUT)
@allow(Access.STEER, if_match=True, etag=True)
def steer_rollout(rollout_id: int, step: str) -> Response:
    """Reject, pause, resume, halt or cancel it."""
    version = expected(_row(rollout_id).version)
    STEPS[step](rollout_id, actor(), clock.now(), version)
    return _answer(rollout_id)


@bp.route(f"{ONE}/roll-back", methods=["POST"])
@bp.response(201, schemas.RolloutSchema, example=schemas.ROLLOUT)
@allow(Access.STEER, if_match=True, etag=True)
def roll_back_rollout(rollout_id: int) -> Response:
    """Back to the former version: answers with the rollout that brings it."""
    version = expected(_row(rollout_id).version)
    back = roll_back(rollout_id, actor(), clock.now(), version)
    return _answer(back, 201, url_for("Rollouts.get_rollout", rollout_id=back))


@bp.route("/blackout")
@bp.response(200, schemas.BlackoutSchema, example=schemas.BLACKOUT)
@allow(Access.READ, at=At.ANY)
def get_blackout() -> dict[str, Any]:
    """Whether all rollouts are stopped, by whom and why."""
    return _blackout()


@bp.route("/blackout", methods=["PUT"])
@bp.arguments(schemas.NewBlackoutSchema, example={"reason": "mass casualty"})
@bp.response(200, schemas.BlackoutSchema, example=schemas.BLACKOUT)
@allow(Access.STEER)
def put_blackout(body: dict[str, Any]) -> dict[str, Any]:
    """Stop all rollouts at once."""
    begin_blackout(body["reason"], actor(), clock.now())
    return _blackout()


@bp.route("/blackout", methods=["DELETE"])
@bp.response(204)
@allow(Access.STEER)
def delete_blackout() -> Response:
    """Let rollouts go on from where they were."""
    end_blackout(actor(), clock.now())
    return Response(status=204)


@bp.route("/wards/<slug:slug>/care", methods=["PUT"])
@bp.arguments(schemas.CareSchema, example=schemas.CARE)
@bp.response(200, schemas.CareSchema, example=schemas.CARE)
@allow(Access.WARD, at=At.WARD)
def put_ward_care(body: dict[str, Any], slug: str) -> dict[str, Any]:
    """Say when a ward can spare its devices, and how many carts must stay available."""
    set_ward_care(slug, **body, actor=actor(), now=clock.now())
    return body


def _blackout() -> dict[str, Any]:
    found = stored.blackout()
    return {name: getattr(found, name, None) for name in ("reason", "began_at", "began_by")}


def _row(rollout_id: int) -> stored.RolloutRow:
    row = stored.rollout_row(rollout_id)
    if row is None:
        raise NotFound(f"no rollout {rollout_id}")
    return row


def _answer(rollout_id: int, status: int = 200, location: str | None = None) -> Response:
    row, now = _row(rollout_id), clock.now()
    rings = stored.rings_of(db.session(), rollout_id, now)
    is_going = row.state == RolloutState.RUNNING
    found = {
        **row._asdict(),
        "rings": rings,
        "wards": stored.wards_of_rollout(rollout_id),
        "expected_end": expected_end(rings, plan_from(row.plan), now) if is_going else None,
    }
    return tagged(schemas.RolloutSchema, found, row.version, status, location)
