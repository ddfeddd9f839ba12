"""Battery packs and their models. Percent of design capacity, equivalent full cycles."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import DeviceId, Limit, Moment, Slug, Text, Word
from fleet.services.change_pack_model import RANGES
from fleet.store.queries.batteries import Order, PackKey, Warranty

_SHOWN: dict[str, Any] = {
    "id": 17,
    "serial": "B-00417",
    "slot": 0,
    "device_id": "cart-017",
    "asset_tag": "CART-017",
    "ward": "icu",
    "model": "LFP-40",
    "chemistry": "LiFePO4",
    "design_mah": 40000,
    "age_cycles": 1210.4,
    "health_pct": 74.2,
    "health_deviation_pct": 1.6,
    "health_source": "counted",
    "threshold_pct": 70.0,
    "falls_on": "2027-02-14",
    "falls_from": "2027-01-20",
    "falls_until": "2027-03-30",
    "model_known": True,
    "why": "lost 26 % in 1210 cycles, twice its model's median; 70 % by February 2027, "
    "between January 2027 and March 2027",
    "warranty_until": "2027-06-01",
    "is_claim": True,
    "price_cents": 124900,
    "currency": "EUR",
}
LISTED = _SHOWN
PACK = {
    **_SHOWN,
    "cycles_a_day": 0.91,
    "health_reason": "no swing from full to the cut-off",
    "first_seen_at": "2024-06-01T08:00:00.000Z",
    "removed_at": None,
    "bought_on": "2024-05-12",
    "forecast_at": "2026-11-24T01:30:00.000Z",
    "points": [{"cycles": 1180.2, "health_pct": 74.9}],
}
FACTS = {
    "price_cents": 124900,
    "currency": "EUR",
    "warranty_months": 36,
    "warranty_cycles": 2000,
    "lead_time_weeks": 6,
    "threshold_pct": 70,
}
MODEL = {"model": "LFP-40", "chemistry": "LiFePO4", "packs": 48, **FACTS}


class PackListedSchema(Schema):
    """A pack in a list. `falls_on` is when its health falls below `threshold_pct`: four times in
    five from `falls_from` to `falls_until`. Null where that is not known; then `why` says so."""

    id = fields.Integer(required=True)
    serial = fields.String(required=True, metadata={"description": "Empty if it tells none."})
    slot = fields.Integer(required=True)
    device_id = DeviceId(required=True)
    asset_tag = fields.String(required=True)
    ward = Slug(required=True)
    model = fields.String(required=True, allow_none=True)
    chemistry = fields.String(required=True, allow_none=True)
    design_mah = fields.Integer(required=True, allow_none=True)
    age_cycles = fields.Float(required=True, allow_none=True)
    health_pct = fields.Float(required=True, allow_none=True)
    health_deviation_pct = fields.Float(required=True, allow_none=True)
    health_source = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "`counted`, or `gauge`: only what the pack says of itself."},
    )
    threshold_pct = fields.Float(required=True, allow_none=True)
    falls_on = fields.Date(required=True, allow_none=True)
    falls_from = fields.Date(required=True, allow_none=True)
    falls_until = fields.Date(required=True, allow_none=True)
    model_known = fields.Boolean(
        required=True,
        allow_none=True,
        metadata={"description": "False: a new model, its forecast is wide."},
    )
    why = fields.String(required=True, allow_none=True)
    warranty_until = fields.Date(required=True, allow_none=True)
    is_claim = fields.Boolean(
        required=True, metadata={"description": "Falls while its warranty holds."}
    )
    price_cents = fields.Integer(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)


class PointSchema(Schema):
    """Health as it was measured, on average, around this many cycles."""

    cycles = fields.Float(required=True)
    health_pct = fields.Float(required=True)


class PackSchema(PackListedSchema):
    """A pack whole. `health_reason`: why its health is not known better."""

    cycles_a_day = fields.Float(required=True, allow_none=True)
    health_reason = fields.String(required=True, allow_none=True)
    first_seen_at = Moment(required=True)
    removed_at = Moment(required=True, allow_none=True)
    bought_on = fields.Date(required=True, allow_none=True)
    forecast_at = Moment(required=True, allow_none=True)
    points = fields.List(fields.Nested(PointSchema), required=True)


class PacksQuery(Schema):
    q = Text(
        100,
        metadata={"description": "Beginnings: of the pack's serial or of its device's words."},
    )
    model = Text(64)
    chemistry = Text(16)
    ward = Slug()
    falls_before = fields.Date()
    warranty = Word(Warranty)
    order = Word(Order, load_default=Order.FALLS.value)
    cursor = Cursor(str)
    limit = Limit(50, 200)

    @validates_schema
    def _is_key(self, data: dict[str, Any], **_: Any) -> None:
        """A cursor of one order says nothing in another."""
        if "cursor" in data and PackKey.parse(data["cursor"][0], Order(data["order"])) is None:
            raise ValidationError("not a cursor of this list; begin again without one", "cursor")


class Fact(fields.Integer):
    """A whole number within the range that the service takes; null where it is not known."""

    def __init__(self, name: str, description: str) -> None:
        super().__init__(
            strict=True,
            allow_none=True,
            validate=validate.Range(*RANGES[name]),
            metadata={"description": description},
        )


class ModelFactsSchema(Schema):
    """What purchasing knows of a model. What is left out or null is not known."""

    price_cents = Fact("price_cents", "In hundredths of the currency.")
    currency = fields.String(allow_none=True, metadata={"description": "ISO 4217, like EUR."})
    warranty_months = Fact("warranty_months", "From the day it was bought, or first heard of.")
    warranty_cycles = Fact("warranty_cycles", "Equivalent full cycles.")
    lead_time_weeks = Fact("lead_time_weeks", "From the order to the delivery.")
    threshold_pct = Fact("threshold_pct", "Health below which it is replaced; null: by its policy.")


class ModelSchema(Schema):
    """A model of pack. `packs`: how many of it are in devices under management."""

    model = fields.String(required=True)
    chemistry = fields.String(required=True, allow_none=True)
    packs = fields.Integer(required=True)
    price_cents = fields.Integer(required=True, allow_none=True)
    currency = fields.String(required=True, allow_none=True)
    warranty_months = fields.Integer(required=True, allow_none=True)
    warranty_cycles = fields.Integer(required=True, allow_none=True)
    lead_time_weeks = fields.Integer(required=True, allow_none=True)
    threshold_pct = fields.Integer(required=True, allow_none=True)


class ModelsQuery(Schema):
    cursor = Cursor(str)
    limit = Limit(100, 200)
