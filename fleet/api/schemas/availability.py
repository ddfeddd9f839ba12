"""Availability, wards and sites: what everybody may know."""

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import KindAsked, Limit, Moment, Slug, Text, Word
from fleet.domain.words import Availability

AVAILABLE = {
    "asset_tag": "CART-017",
    "ward": "icu",
    "availability": "available",
    "soc_pct": 92,
    "sampled_at": "2026-11-24T03:12:05.000Z",
    "age_s": 12,
}
WARD = {
    "slug": "icu",
    "name": "Intensive Care",
    "site": "st-mary",
    "counts": {
        "available": 4, "in_use": 2, "charging": 1, "low": 1, "unavailable": 0, "unknown": 0
    },
}  # fmt: skip
SITE = {"slug": "st-mary", "name": "St Mary's Hospital", "timezone": "Europe/Berlin"}
NEW_WARD = {
    "slug": "icu",
    "name": "Intensive Care",
    "zones": [{"code": "icu-bay-1", "name": "bay 1"}],
}


class AvailabilitySchema(Schema):
    """One device. Past its offline deadline it is `unknown`, whatever it said last."""

    asset_tag = fields.String(required=True)
    ward = Slug(required=True)
    availability = Word(Availability, required=True)
    soc_pct = fields.Integer(required=True, allow_none=True)
    sampled_at = Moment(required=True, allow_none=True)
    age_s = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Seconds since `sampled_at`."}
    )


class AvailabilityQuery(Schema):
    kind = KindAsked()
    ward = Slug()
    cursor = Cursor(str)
    limit = Limit(500, 1000)


class CountsSchema(Schema):
    """Devices by availability."""

    available = fields.Integer(required=True)
    in_use = fields.Integer(required=True)
    charging = fields.Integer(required=True)
    low = fields.Integer(required=True)
    unavailable = fields.Integer(required=True)
    unknown = fields.Integer(required=True)  # type: ignore[assignment]  # a field: marshmallow takes it out of the class


class WardSchema(Schema):
    slug = Slug(required=True)
    name = fields.String(required=True)
    site = Slug(required=True)
    counts = fields.Nested(CountsSchema, required=True)


class WardQuery(Schema):
    kind = KindAsked()


class WardsQuery(WardQuery):
    site = Slug()
    cursor = Cursor(str)
    limit = Limit(100, 500)


class SiteSchema(Schema):
    """A hospital. `timezone`: an IANA name."""

    slug = Slug(required=True)
    name = Text(128, required=True)
    timezone = Text(64, load_default="UTC")


class SitesQuery(Schema):
    cursor = Cursor(str)
    limit = Limit(100, 200)


class ZoneSchema(Schema):
    """A place in a ward: `code` as devices report it, `name` as people say it."""

    code = Text(64, required=True)
    name = Text(128, required=True)


class NewWardSchema(Schema):
    slug = Slug(required=True)
    name = Text(128, required=True)
    zones = fields.List(fields.Nested(ZoneSchema), load_default=list)
