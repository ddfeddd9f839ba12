"""Alerts, and messages in quarantine."""

import base64
from typing import Any

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import DeviceId, Limit, Moment, Slug, Word
from fleet.domain.words import AlertKind, AlertState, Outcome

ALERT = {
    "id": 31,
    "device_id": "cart-017",
    "asset_tag": "CART-017",
    "ward": "icu",
    "site": "st-mary",
    "rollout": None,
    "kind": "needs_charging",
    "state": "open",
    "detail": "19 %, about 45 min left",
    "opened_at": "2026-11-24T03:12:05.120Z",
    "acknowledged_at": None,
    "acknowledged_by": None,
    "escalated_at": None,
    "outcome": None,
    "was_right": None,
    "resolved_at": None,
    "version": 1,
    "outage": None,
}
QUARANTINED = {
    "id": 9,
    "received_at": "2026-11-24T03:12:05.120Z",
    "topic": "fleet/v1/up/cart-099/telemetry",
    "device_id": "cart-099",
    "reason": "unknown device: not registered",
    "size_bytes": 14,
    "payload_start": "eyJvbmxpbmUiOnRydWV9",
}


class OutageSchema(Schema):
    """Many devices of a ward or site that fell silent together: its network or its power."""

    since = Moment(required=True, metadata={"description": "The last word of any of them."})
    devices = fields.Integer(
        required=True, metadata={"description": "All that were to be heard of before it."}
    )
    fell = fields.Integer(required=True, metadata={"description": "Those that fell silent."})
    silent = fields.Integer(required=True, metadata={"description": "Those silent still."})


class AlertSchema(Schema):
    """One open condition of one subject: a device, a whole ward (then without a device), a whole
    site (then without a ward too), or a rollout (then without a site too)."""

    id = fields.Integer(required=True)
    device_id = DeviceId(required=True, allow_none=True)
    asset_tag = fields.String(required=True, allow_none=True)
    ward = Slug(required=True, allow_none=True)
    site = Slug(required=True, allow_none=True)
    rollout = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "Of an alert of kind `rollout_halted`: the id of the rollout."},
    )
    kind = Word(AlertKind, required=True)
    state = Word(AlertState, required=True)
    detail = fields.String(required=True, allow_none=True)
    opened_at = Moment(required=True)
    acknowledged_at = Moment(required=True, allow_none=True)
    acknowledged_by = fields.String(required=True, allow_none=True)
    escalated_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "When a call to charge was said once more: nobody had come."},
    )
    outcome = Word(
        Outcome,
        required=True,
        allow_none=True,
        metadata={"description": "What became of a call to charge; null while that is open."},
    )
    was_right = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Whether the device had died or nearly so without the call."},
    )
    resolved_at = Moment(required=True, allow_none=True)
    version = fields.Integer(required=True)
    outage = fields.Nested(
        OutageSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Of an alert of kind `outage`."},
    )


class AlertsQuery(Schema):
    state = Word(AlertState, metadata={"description": "Without it: all that are not resolved."})
    kind = Word(AlertKind)
    ward = Slug()
    cursor = Cursor(int)
    limit = Limit(100, 500)


class Base64(fields.Field[bytes]):
    """Bytes as they came, which need not be text."""

    def _serialize(self, value: bytes | None, *_args: Any, **_kwargs: Any) -> str | None:
        return None if value is None else base64.b64encode(value).decode()


class QuarantinedSchema(Schema):
    """A message that could not be accepted. Of its payload the first 2,048 bytes are kept."""

    id = fields.Integer(required=True)
    received_at = Moment(required=True)
    topic = fields.String(required=True)
    device_id = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    payload_start = Base64(required=True, metadata={"type": "string", "contentEncoding": "base64"})


class QuarantineQuery(Schema):
    device_id = DeviceId()
    cursor = Cursor(int)
    limit = Limit(50, 200)
