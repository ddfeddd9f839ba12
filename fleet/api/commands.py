"""Commands to one device: locate, lock, reboot, refresh."""

from typing import Any

from flask import Response

from fleet.api import clock
from fleet.api.access import Access, actor, allow
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import paged
from fleet.api.schemas import commands as schemas
from fleet.services.errors import NotFound
from fleet.services.send_command import send_command
from fleet.store.queries.commands import CommandRow, commands_of
from fleet.store.queries.device import device_by_id

bp = Blueprint("Commands", "Instructions to one device, each with an expiry and its end.")

ALL = "/devices/<device_id:device_id>/commands"


@bp.route(ALL)
@bp.page(schemas.CommandSchema, schemas.COMMAND)
@allow(Access.READ)
def list_commands(device_id: str) -> Response:
    """The last 20, the newest first."""
    if device_by_id(device_id, clock.now()) is None:
        raise NotFound(f"no device {device_id}")
    return paged(schemas.CommandSchema, commands_of(device_id), None)


@bp.route(ALL, methods=["POST"])
@bp.arguments(schemas.NewCommandSchema, example={"name": "locate", "ttl_s": 120})
@bp.response(202, schemas.CommandSchema, example=schemas.COMMAND)
@allow(Access.DEVICES)
def create_command(body: dict[str, Any], device_id: str) -> CommandRow:
    """Send one. Read the list to see what became of it."""
    send_command(device_id, body["name"], actor(), clock.now(), body["ttl_s"])
    return commands_of(device_id, limit=1)[0]
