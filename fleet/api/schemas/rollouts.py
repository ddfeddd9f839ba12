"""Rollouts: what is brought where, how it goes, and what each device is about."""

from dataclasses import fields as fields_of
from typing import Any

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import DeviceId, Limit, Moment, Slug, Text, Word
from fleet.domain.rollout.plan import Plan
from fleet.domain.rollout.words import JobState, RolloutState, Target
from fleet.domain.words import Scope

_PLAN = {
    "canaries": 3, "shares": [5, 25, 100], "soak_min": 60, "success_pct": 95, "error_pct": 10,
    "min_executed": 10, "deadline_min": 30, "min_soc_pct": 50, "ward_share_pct": 20,
    "takes_min": 5, "ends_after_days": 14,
}  # fmt: skip
_ROLLOUT: dict[str, Any] = {
    "id": 3,
    "target": "profile",
    "slug": "medication-cart",
    "target_version": "2",
    "former_version": "1",
    "scope": "site",
    "scope_key": "st-mary",
    "plan": _PLAN,
    "state": "running",
    "reason": None,
    "reverts": None,
    "created_at": "2026-11-24T21:30:00.000Z",
    "created_by": "user:ada",
    "approved_by": "user:bob",
    "started_at": "2026-11-24T21:45:00.000Z",
    "ended_at": None,
    "version": 2,
    "devices": 120,
    "queued": 116,
    "at_work": 1,
    "succeeded": 3,
    "failed": 0,
}
LISTED = _ROLLOUT
RING = {
    "number": 0, "opened_at": "2026-11-24T21:45:00.000Z", "passed_at": "2026-11-24T21:51:00.000Z",
    "queued": 0, "at_work": 0, "succeeded": 3, "failed": 0, "absent": 0,
}  # fmt: skip
WARD = {
    "slug": "icu", "name": "Intensive Care", "devices": 20, "queued": 18, "at_work": 1,
    "succeeded": 1, "failed": 0,
}  # fmt: skip
ROLLOUT = {
    **_ROLLOUT, "rings": [RING], "wards": [WARD], "expected_end": "2026-11-26T02:10:00.000Z"
}  # fmt: skip
NEW = {
    "target": "profile", "slug": "medication-cart", "version": "2", "scope": "site",
    "scope_key": "st-mary", "plan": {"canaries": 3, "soak_min": 120},
}  # fmt: skip
JOB = {
    "device_id": "cart-017",
    "asset_tag": "CART-017",
    "ward": "icu",
    "ring": 0,
    "state": "failed",
    "reason": "settings.screen_timeout_s",
    "progress_pct": None,
    "offered_at": "2026-11-24T21:46:00.000Z",
    "ended_at": "2026-11-24T21:47:00.000Z",
}
BLACKOUT = {
    "reason": "mass casualty", "began_at": "2026-11-24T21:46:00.000Z", "began_by": "user:eve"
}  # fmt: skip
CARE = {"maintenance_windows": ["mon-fri 22:00-05:00"], "min_available": 3}

PlanSchema = Schema.from_dict(
    {
        field.name: fields.List(fields.Integer(strict=True))
        if field.name == "shares"
        else fields.Integer(strict=True)
        for field in fields_of(Plan)
        if field.name != "halts"
    },
    name="PlanSchema",
)


class RolloutListedSchema(Schema):
    """`slug`: a profile's, or the manifest id of a firmware release. `target_version` and
    `former_version`: a profile's number, or a release's version."""

    id = fields.Integer(required=True)
    target = Word(Target, required=True)
    slug = fields.String(required=True)
    target_version = fields.String(required=True)
    former_version = fields.String(required=True, allow_none=True)
    scope = Word(Scope, required=True)
    scope_key = fields.String(required=True)
    plan = fields.Nested(PlanSchema, required=True)
    state = Word(RolloutState, required=True)
    reason = fields.String(required=True, allow_none=True)
    reverts = fields.Integer(required=True, allow_none=True)
    created_at = Moment(required=True)
    created_by = fields.String(required=True)
    approved_by = fields.String(required=True, allow_none=True)
    started_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)
    version = fields.Integer(required=True)
    devices = fields.Integer(required=True)
    queued = fields.Integer(required=True)
    at_work = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)


class RolloutRingSchema(Schema):
    """0 are the canaries. `absent`: of the queued, those not heard of for a day."""

    number = fields.Integer(required=True)
    opened_at = Moment(required=True, allow_none=True)
    passed_at = Moment(required=True, allow_none=True)
    queued = fields.Integer(required=True)
    at_work = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    absent = fields.Integer(required=True)


class RolloutWardSchema(Schema):
    slug = Slug(required=True)
    name = fields.String(required=True)
    devices = fields.Integer(required=True)
    queued = fields.Integer(required=True)
    at_work = fields.Integer(required=True)
    succeeded = fields.Integer(required=True)
    failed = fields.Integer(required=True)


class RolloutSchema(RolloutListedSchema):
    """`expected_end` by the pace so far; null while nothing is known."""

    rings = fields.List(fields.Nested(RolloutRingSchema), required=True)
    wards = fields.List(fields.Nested(RolloutWardSchema), required=True)
    expected_end = Moment(required=True, allow_none=True)


class RolloutsQuery(Schema):
    state = Word(RolloutState)
    cursor = Cursor(int)
    limit = Limit(50, 200)


class NewRolloutSchema(Schema):
    """`plan`: what is to be other than usual."""

    target = Word(Target, load_default=Target.PROFILE.value)
    slug = Text(64, required=True)
    version = Text(64, required=True)
    scope = Word(Scope, required=True)
    scope_key = Text(64, required=True)
    plan = fields.Nested(PlanSchema, load_default=dict)


class RolloutDeviceSchema(Schema):
    """`reason`: why it ended so, or what it waits for. `progress_pct`: of a file's download."""

    device_id = DeviceId(required=True)
    asset_tag = fields.String(required=True)
    ward = Slug(required=True)
    ring = fields.Integer(required=True)
    state = Word(JobState, required=True)
    reason = fields.String(required=True, allow_none=True)
    progress_pct = fields.Integer(required=True, allow_none=True)
    offered_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)


class RolloutDevicesQuery(Schema):
    state = Word(JobState)
    cursor = Cursor(int)
    limit = Limit(100, 500)


class BlackoutSchema(Schema):
    """While it is on no rollout offers anything. All null while it is off."""

    reason = fields.String(required=True, allow_none=True)
    began_at = Moment(required=True, allow_none=True)
    began_by = fields.String(required=True, allow_none=True)


class NewBlackoutSchema(Schema):
    reason = Text(256, required=True)


class CareSchema(Schema):
    """`maintenance_windows` in the site's time zone; none: at any time."""

    maintenance_windows = fields.List(fields.String(), required=True)
    min_available = fields.Integer(required=True, strict=True)
