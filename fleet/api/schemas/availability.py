"""Availability, wards and sites: what everybody may know."""

from typing import Any

from marshmallow import Schema, ValidationError, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import KindAsked, Limit, Moment, Slug, Text, Word
from fleet.domain.shifts import CLOCK_TIME, STARTS, problem_with
from fleet.domain.words import Availability

RUNTIME = {
    "promised_min": 340,
    "empty_min": 430,
    "full_in_min": None,
    "shift_end": "2026-11-24T06:00:00.000Z",
    "lasts_shift": True,
    "dies_at": None,
}
AVAILABLE = {
    "asset_tag": "CART-017",
    "ward": "icu",
    "availability": "available",
    "soc_pct": 92,
    "runtime": RUNTIME,
    "sampled_at": "2026-11-24T03:12:05.000Z",
    "age_s": 12,
}
WARD = {
    "slug": "icu",
    "name": "Intensive Care",
    "site": "st-mary",
    "shift_starts": None,
    "counts": {
        "available": 4, "in_use": 2, "charging": 1, "low": 1, "unavailable": 0, "unknown": 0
    },
}  # fmt: skip
SITE = {
    "slug": "st-mary",
    "name": "St Mary's Hospital",
    "timezone": "Europe/Berlin",
    "shift_starts": ["06:30", "14:30", "22:30"],
}
SHIFTS = {"shift_starts": ["07:00", "19:00"]}
NEW_WARD = {
    "slug": "icu",
    "name": "Intensive Care",
    "zones": [{"code": "icu-bay-1", "name": "bay 1"}],
}


class RuntimeSchema(Schema):
    """How long it lasts in use, from now on: null where it is not known, or not heard of."""

    promised_min = fields.Integer(
        required=True,
        allow_none=True,
        metadata={"description": "At least so many minutes, four times in five."},
    )
    empty_min = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Expected minutes until empty."}
    )
    full_in_min = fields.Integer(
        required=True, allow_none=True, metadata={"description": "While charging."}
    )
    shift_end = Moment(required=True, allow_none=True)
    lasts_shift = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "Whether it is promised to last until `shift_end`."},
    )
    dies_at = Moment(
        required=True,
        allow_none=True,
        metadata={"description": "When it is expected empty, where that is before `shift_end`."},
    )


class AvailabilitySchema(Schema):
    """One device. Past its offline deadline it is `unknown`, whatever it said last."""

    asset_tag = fields.String(required=True)
    ward = Slug(required=True)
    availability = Word(Availability, required=True)
    soc_pct = fields.Integer(required=True, allow_none=True)
    runtime = fields.Nested(RuntimeSchema, required=True)
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


class ShiftStarts(fields.List):
    """Times of the day by the clock of the hospital, each later than the one before it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(metadata={"pattern": CLOCK_TIME}), validate=_check, **kwargs)


def _check(starts: list[str]) -> None:
    if problem := problem_with(starts):
        raise ValidationError(problem)


class WardSchema(Schema):
    """`shift_starts`: when its shifts start; null where that is as in the rest of its site."""

    slug = Slug(required=True)
    name = fields.String(required=True)
    site = Slug(required=True)
    shift_starts = ShiftStarts(required=True, allow_none=True)
    counts = fields.Nested(CountsSchema, required=True)


class WardQuery(Schema):
    kind = KindAsked()


class WardsQuery(WardQuery):
    site = Slug()
    cursor = Cursor(str)
    limit = Limit(100, 500)


class SiteSchema(Schema):
    """A hospital. `timezone`: an IANA name. `shift_starts`: of wards without times of their own."""

    slug = Slug(required=True)
    name = Text(128, required=True)
    timezone = Text(64, load_default="UTC")
    shift_starts = ShiftStarts(load_default=lambda: list(STARTS))


class SiteShiftsSchema(Schema):
    shift_starts = ShiftStarts(required=True)


class WardShiftsSchema(Schema):
    """null: as in the rest of its site."""

    shift_starts = ShiftStarts(required=True, allow_none=True)


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
