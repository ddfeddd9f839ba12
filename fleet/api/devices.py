"""Devices: find, enter, change, decommission; what changed when."""

from typing import Any

from flask import Response, url_for

from fleet.api import clock
from fleet.api.access import Access, At, actor, allow, must_reach, reach
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.etags import expected, tagged
from fleet.api.schemas import devices as schemas
from fleet.services.change_device import change_device
from fleet.services.decommission_device import decommission_device
from fleet.services.errors import NotFound
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.queries.device import device_by_id
from fleet.store.queries.device_rows import device_key, device_rows, find_transitions
from fleet.store.queries.devices import DeviceFilter, find_devices
from fleet.store.queries.runtime import runtime

bp = Blueprint("Devices", "The carts and tablets under management.")


@bp.route("/devices")
@bp.arguments(schemas.DevicesQuery, location="query")
@bp.page(schemas.DeviceListedSchema, schemas.LISTED)
@allow(Access.READ, at=At.ANY)
def list_devices(query: dict[str, Any]) -> Response:
    """Enrolled devices, by asset tag; those that have left, by the identity `decommissioned`."""
    now = clock.now()
    wanted = DeviceFilter(
        search=query.get("q", ""),
        kind=query.get("kind"),
        ward=query.get("ward"),
        availability=query.get("availability"),
        compliance=query.get("compliance"),
        identity=query.get("identity"),
        reach=reach(),
    )
    (after,) = query.get("cursor", (None,))
    found = find_devices(wanted, now, after, query["limit"])
    rows = device_rows([row.device_id for row in found.rows], now)
    return paged(schemas.DeviceListedSchema, rows, key(found.after))


@bp.route("/devices", methods=["POST"])
@bp.arguments(schemas.NewDeviceSchema, example=schemas.NEW_DEVICE)
@bp.response(201, schemas.DeviceSchema, example=schemas.DEVICE)
@allow(Access.DEVICES, at=At.ANY, etag=True)
def register_device(body: dict[str, Any]) -> Response:
    """Bring a device under management."""
    ward = body.pop("ward")
    must_reach(Access.DEVICES, "ward", ward, "ward")
    (device_id,) = register_devices([NewDevice(ward_slug=ward, **body)], actor(), clock.now())
    location = url_for("Devices.get_device", device_id=device_id)
    return _answer(device_id, status=201, location=location)


@bp.route("/devices/<device_id:device_id>")
@bp.response(200, schemas.DeviceSchema, example=schemas.DEVICE)
@allow(Access.READ, etag=True)
def get_device(device_id: str) -> Response:
    """One device, as it is now. A decommissioned one is still known."""
    return _answer(device_id)


@bp.route("/devices/<device_id:device_id>", methods=["PATCH"])
@bp.arguments(schemas.DeviceChangeSchema, example=schemas.CHANGE)
@bp.response(200, schemas.DeviceSchema, example=schemas.DEVICE)
@allow(Access.DEVICES, if_match=True, etag=True)
def patch_device(body: dict[str, Any], device_id: str) -> Response:
    """Change its ward, asset tag, model or serial number."""
    if "ward" in body:
        must_reach(Access.DEVICES, "ward", body["ward"], "ward")
    version = expected(_device(device_id).version)
    change_device(device_id, body, actor(), clock.now(), version)
    return _answer(device_id)


@bp.route("/devices/<device_id:device_id>/decommission", methods=["POST"])
@bp.response(200, schemas.DeviceSchema, example=schemas.DEVICE)
@allow(Access.DEVICES, if_match=True, etag=True)
def decommission(device_id: str) -> Response:
    """Take it out of management. Its history stays; its alerts are resolved."""
    version = expected(_device(device_id).version)
    decommission_device(device_id, actor(), clock.now(), version)
    return _answer(device_id)


@bp.route("/devices/<device_id:device_id>/transitions")
@bp.arguments(schemas.TransitionsQuery, location="query")
@bp.page(schemas.TransitionSchema, schemas.TRANSITION)
@allow(Access.READ)
def list_transitions(query: dict[str, Any], device_id: str) -> Response:
    """What changed when, the newest first."""
    (before,) = query.get("cursor", (None,))
    found = find_transitions(key_of(device_id), before, query["limit"])
    return paged(schemas.TransitionSchema, found.rows, key(found.before))


def key_of(device_id: str) -> int:
    """The device's primary key. Raises NotFound."""
    key = device_key(device_id)
    if key is None:
        raise NotFound(f"no device {device_id}")
    return key


def _device(device_id: str) -> Any:
    row = device_by_id(device_id, clock.now())
    if row is None:
        raise NotFound(f"no device {device_id}")
    return row


def _answer(device_id: str, status: int = 200, location: str | None = None) -> Response:
    row = _device(device_id)
    shown = {**row._mapping, "runtime": runtime(row, clock.now())}
    return tagged(schemas.DeviceSchema, shown, row.version, status, location)
