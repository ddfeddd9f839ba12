"""Devices: how they are entered, changed and shown."""

from typing import Any

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.availability import RUNTIME, RuntimeSchema
from fleet.api.schemas.common import DeviceId, Limit, Moment, Slug, Text, Word
from fleet.domain.words import Availability, ComplianceState, DeviceKind, Identity, Lifecycle

_SHOWN: dict[str, Any] = {
    "device_id": "cart-017",
    "asset_tag": "CART-017",
    "kind": "medication_cart",
    "ward": "icu",
    "model": "Rover 3",
    "serial": "RV3-00417",
    "availability": "available",
    "soc_pct": 92,
    "compliance": "compliant",
    "sampled_at": "2026-11-24T03:12:05.000Z",
    "last_seen_at": "2026-11-24T03:12:05.120Z",
    "identity": "certified",
}
LISTED = _SHOWN
DEVICE = {
    **_SHOWN,
    "lifecycle": "enrolled",
    "enrolled_at": "2026-10-01T08:00:00.000Z",
    "version": 3,
    "reason": None,
    "soh_pct": 94,
    "plugged_in": False,
    "charging": False,
    "runtime": RUNTIME,
    "replacement": None,
    "zone": "icu-bay-3",
    "batteries": [{"slot": 0, "serial": "B-1", "soc_pct": 92, "status": "discharging"}],
    "apps": [{"name": "emar", "version": "7.3.0", "state": "running"}],
    "system": {"firmware": "4.1.0", "wifi_rssi_dbm": -61},
}
NEW_DEVICE = {
    "asset_tag": "CART-017",
    "kind": "medication_cart",
    "ward": "icu",
    "model": "Rover 3",
    "serial": "RV3-00417",
}
CHANGE = {"ward": "oncology"}
TRANSITION = {
    "at": "2026-11-24T03:12:05.120Z",
    "aspect": "availability",
    "old": "charging",
    "new": "available",
    "detail": None,
}


class DeviceListedSchema(Schema):
    """A device in a list: what the list can be filtered by."""

    device_id = DeviceId(required=True)
    asset_tag = fields.String(required=True)
    kind = Word(DeviceKind, required=True)
    ward = Slug(required=True)
    model = fields.String(required=True, allow_none=True)
    serial = fields.String(required=True, allow_none=True)
    availability = Word(Availability, required=True)
    soc_pct = fields.Integer(required=True, allow_none=True)
    compliance = Word(ComplianceState, required=True)
    sampled_at = Moment(required=True, allow_none=True)
    last_seen_at = Moment(required=True, allow_none=True)
    identity = Word(Identity, required=True)


class DeviceSchema(DeviceListedSchema):
    """A device whole. `batteries`, `apps` and `system` are its newest reading's own words."""

    ward = Slug(required=True, attribute="ward_slug")
    lifecycle = Word(Lifecycle, required=True)
    enrolled_at = Moment(required=True, attribute="created_at")
    version = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True)
    soh_pct = fields.Integer(required=True, allow_none=True)
    plugged_in = fields.Boolean(required=True, allow_none=True)
    charging = fields.Boolean(required=True)
    runtime = fields.Nested(RuntimeSchema, required=True)
    replacement = fields.String(required=True, allow_none=True)
    zone = fields.String(required=True, allow_none=True, attribute="zone_code")
    batteries = fields.List(fields.Dict(), required=True)
    apps = fields.List(fields.Dict(), required=True)
    system = fields.Dict(required=True)


class DevicesQuery(Schema):
    q = Text(
        100, metadata={"description": "Beginnings of words: of asset tag, device id or serial."}
    )
    kind = Word(DeviceKind)
    ward = Slug()
    availability = Word(Availability)
    compliance = Word(ComplianceState)
    identity = Word(Identity)
    cursor = Cursor(str)
    limit = Limit(50, 200)


class NewDeviceSchema(Schema):
    """`device_id` is the asset tag in lower case where none is given."""

    asset_tag = Text(64, required=True)
    kind = Word(DeviceKind, required=True)
    ward = Slug(required=True)
    device_id = DeviceId()
    model = Text(64, allow_none=True)
    serial = Text(64, allow_none=True)


class DeviceChangeSchema(Schema):
    """What is not named stays as it is."""

    asset_tag = Text(64)
    ward = Slug()
    model = Text(64, allow_none=True)
    serial = Text(64, allow_none=True)


class TransitionSchema(Schema):
    """A recorded change of one aspect."""

    at = Moment(required=True)
    aspect = fields.String(required=True)
    old = fields.String(required=True, allow_none=True)
    new = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)


class TransitionsQuery(Schema):
    cursor = Cursor(int)
    limit = Limit(100, 1000)
