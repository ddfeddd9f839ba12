"""Enrolment: devices from a table, their tokens, and what IT decides."""

from typing import Any

from fleet.api import clock
from fleet.api.access import Access, actor, allow
from fleet.api.blueprint import Blueprint
from fleet.api.schemas import enrolment as schemas
from fleet.invitations import check_authority, invitation
from fleet.services.approve_device import approve_device, refuse_device
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.register_csv import register_csv
from fleet.services.revoke_device import revoke_device

bp = Blueprint("Enrolment", "How devices come by their certificates, and lose them.")


@bp.route("/device-imports", methods=["POST"])
@bp.arguments(schemas.TableSchema, example=schemas.TABLE)
@bp.response(200, schemas.RegisteredSchema, example=schemas.REGISTERED)
@allow(Access.DEVICES)
def import_devices(body: dict[str, Any]) -> dict[str, Any]:
    """Bring the devices of a CSV under management, or (`dry_run`) only look."""
    found = register_csv(body["csv"], actor(), clock.now(), dry_run=body["dry_run"])
    return {"device_ids": found, "dry_run": body["dry_run"]}


@bp.route("/devices/<device_id:device_id>/enrolment-token", methods=["POST"])
@bp.arguments(schemas.TokenWantedSchema, example=schemas.TOKEN_WANTED)
@bp.response(200, schemas.EnrolmentTokenSchema, example=schemas.TOKEN)
@allow(Access.DEVICES)
def make_token(body: dict[str, Any], device_id: str) -> dict[str, Any]:
    """A one-time token, valid for 24 hours and shown this once. It voids the former one."""
    check_authority()
    [ticket] = make_tokens([device_id], body["approved"], actor(), clock.now())
    return {
        "device_id": device_id,
        "token": ticket.token,
        "code": str(invitation(ticket)),
        "expires_at": ticket.expires_at,
    }


@bp.route("/devices/<device_id:device_id>/approve", methods=["POST"])
@bp.response(204)
@allow(Access.DEVICES)
def approve(device_id: str) -> None:
    """A device that waits gets its certificate when it asks again."""
    approve_device(device_id, actor(), clock.now())


@bp.route("/devices/<device_id:device_id>/refuse", methods=["POST"])
@bp.response(204)
@allow(Access.DEVICES)
def refuse(device_id: str) -> None:
    """A device that waits gets none; its token is void."""
    refuse_device(device_id, actor(), clock.now())


@bp.route("/devices/<device_id:device_id>/revoke", methods=["POST"])
@bp.response(200, schemas.RevokedSchema, example=schemas.REVOKED)
@allow(Access.DEVICES)
def revoke(device_id: str) -> dict[str, Any]:
    """Its certificates are void: the broker refuses it, and ends its session within a minute."""
    return {"serials": revoke_device(device_id, actor(), clock.now())}
