"""Configuration profiles, their versions and assignments."""

from typing import Any

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import Limit, Moment, Number, Slug, Text, Word
from fleet.domain.words import DeviceKind, Scope

PROFILE = {
    "slug": "medication-cart",
    "title": "Medication cart",
    "kinds": ["medication_cart"],
    "latest": 2,
}
VERSION = {
    "number": 2,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "created_at": "2026-11-20T09:30:00.000Z",
    "created_by": "user:ada",
    "signed": True,
}
DOCUMENT: dict[str, Any] = {
    "profile": "medication-cart",
    "title": "Medication cart",
    "kinds": ["medication_cart"],
    "settings": {"screen_timeout_s": 120, "bluetooth": False},
    "apps": {"required": [{"name": "emar", "version": "7.2"}]},
    "firmware": {"minimum": "4.1.0"},
    "reporting": {"interval_s": 30},
    "battery": {"LiFePO4": {"needs_charging_below_pct": 25, "clear_above_pct": 40}},
}
DIFFERENCE = {"path": "settings.screen_timeout_s", "change": "changed", "old": 120, "new": 90}
ASSIGNMENT = {
    "id": 4,
    "profile": "medication-cart",
    "number": 2,
    "scope": "ward",
    "scope_key": "icu",
    "assigned_at": "2026-11-20T09:31:00.000Z",
    "assigned_by": "user:ada",
    "version": 1,
}
NEW_ASSIGNMENT = {"profile": "medication-cart", "number": 2, "scope": "ward", "scope_key": "icu"}


class ProfileHeadSchema(Schema):
    """`latest`: the number of its newest version."""

    slug = Slug(required=True)
    title = fields.String(required=True)
    kinds = fields.List(Word(DeviceKind), required=True)
    latest = fields.Integer(required=True, allow_none=True)


class ProfileVersionSchema(Schema):
    """Never changes, but that it is `signed`. `sha256` is over the part that devices apply."""

    number = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    created_at = Moment(required=True)
    created_by = fields.String(required=True)
    signed = fields.Boolean(required=True)


class LoadedSchema(Schema):
    """`is_new` is false where this very document is a version already."""

    profile = Slug(required=True, attribute="slug")
    number = fields.Integer(required=True)
    is_new = fields.Boolean(required=True)


class DiffQuery(Schema):
    old = Number(required=True, data_key="from")
    new = Number(required=True, data_key="to")


class DifferenceSchema(Schema):
    """`old` or `new` is null where the path is not there."""

    path = fields.String(required=True)
    change = fields.String(required=True, metadata={"enum": ["added", "removed", "changed"]})
    old = fields.Raw(required=True, allow_none=True)
    new = fields.Raw(required=True, allow_none=True)


class AssignmentSchema(Schema):
    """`scope_key`: a site's or ward's slug, a kind, or a device id."""

    id = fields.Integer(required=True)
    profile = Slug(required=True)
    number = fields.Integer(required=True)
    scope = Word(Scope, required=True)
    scope_key = fields.String(required=True)
    assigned_at = Moment(required=True)
    assigned_by = fields.String(required=True)
    version = fields.Integer(required=True)


class AssignmentsQuery(Schema):
    profile = Slug()
    scope = Word(Scope)
    cursor = Cursor(int)
    limit = Limit(100, 200)


class NewAssignmentSchema(Schema):
    """`number`: of the profile's version."""

    profile = Slug(required=True)
    number = Number(required=True, strict=True)
    scope = Word(Scope, required=True)
    scope_key = Text(64, required=True)


class AssignmentChangeSchema(Schema):
    number = Number(required=True, strict=True)
