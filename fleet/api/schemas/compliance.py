"""Compliance: the service's judgement of what devices have against what they should have."""

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import DeviceId, Limit, Moment, Slug, Word
from fleet.domain.words import ComplianceState

_OVERALL = {
    "device_id": "cart-017",
    "asset_tag": "CART-017",
    "ward": "icu",
    "profile": "medication-cart",
    "number": 2,
    "state": "drifted",
    "reason": "settings.screen_timeout_s",
    "since": "2026-11-24T02:40:00.000Z",
    "generation": 5,
    "reported_generation": 5,
    "reported_at": "2026-11-24T03:05:00.000Z",
}
LISTED = _OVERALL
ITEM = {
    "path": "settings.screen_timeout_s",
    "desired": 120,
    "reported": 600,
    "state": "noncompliant",
    "reason": "USER_ACTION",
}
DEVICE = {**_OVERALL, "items": [ITEM]}
SUMMARY = {
    "compliant": 100, "pending": 8, "drifted": 1, "noncompliant": 2, "unsupported": 0, "unknown": 9
}  # fmt: skip


class ComplianceListedSchema(Schema):
    """One device. `profile` and `number` are null where nothing is assigned to it."""

    device_id = DeviceId(required=True)
    asset_tag = fields.String(required=True)
    ward = Slug(required=True)
    profile = Slug(required=True, allow_none=True)
    number = fields.Integer(required=True, allow_none=True)
    state = Word(ComplianceState, required=True)
    reason = fields.String(required=True, allow_none=True)
    since = Moment(required=True, allow_none=True)
    generation = fields.Integer(required=True)
    reported_generation = fields.Integer(required=True, allow_none=True)
    reported_at = Moment(required=True, allow_none=True)


class ComplianceItemSchema(Schema):
    """One path of the profile. `unknown` where the report is too old to say."""

    path = fields.String(required=True)
    desired = fields.Raw(required=True, allow_none=True)
    reported = fields.Raw(required=True, allow_none=True)
    state = Word(ComplianceState, required=True)
    reason = fields.String(required=True, allow_none=True)


class DeviceComplianceSchema(ComplianceListedSchema):
    items = fields.List(fields.Nested(ComplianceItemSchema), required=True)


class ComplianceQuery(Schema):
    state = Word(ComplianceState)
    profile = Slug()
    cursor = Cursor(int)
    limit = Limit(100, 500)


class ComplianceSummarySchema(Schema):
    """Devices by state."""

    compliant = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    drifted = fields.Integer(required=True)
    noncompliant = fields.Integer(required=True)
    unsupported = fields.Integer(required=True)
    unknown = fields.Integer(required=True)  # type: ignore[assignment]  # a field: marshmallow takes it out of the class
