"""Webhooks: where they lead, of what they tell, and what became of it."""

from marshmallow import Schema, fields, validate

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import Limit, Moment, Slug, Text, Word
from fleet.domain.webhooks.events import DeliveryState, Event

NEW_WEBHOOK = {
    "name": "Tickets",
    "url": "https://tickets.hospital.example/hooks/wardfleet",
    "events": ["ticket.opened", "ticket.fixed"],
    "sites": ["st-mary"],
}
WEBHOOK = {
    "id": 3,
    **NEW_WEBHOOK,
    "made_at": "2026-11-24T03:12:05.000Z",
    "made_by": "user:ada",
    "failing_since": None,
    "waiting": 0,
    "given_up": 0,
    "taken_at": "2026-11-24T03:14:31.000Z",
}
SECRET = {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="}
NEW_SECRET = {"id": 3, **SECRET}
DELIVERY = {
    "id": 271,
    "event": "ticket.opened",
    "at": "2026-11-24T03:14:30.000Z",
    "kind": "will_not_charge",
    "asset_tag": "CART-017",
    "ward_name": "Intensive Care",
    "site_name": "St Mary's",
    "state": "delivered",
    "tries": 1,
    "tried_at": "2026-11-24T03:14:31.000Z",
    "ended_at": "2026-11-24T03:14:31.000Z",
    "problem": None,
}
COUNT = {"deliveries": 4}


class NewWebhookSchema(Schema):
    """`sites`: of which it hears; none: of everything, also of what belongs to no site."""

    name = Text(64, required=True)
    url = fields.String(required=True, validate=validate.Length(1, 512))
    events = fields.List(Word(Event), required=True, validate=validate.Length(1, 10))
    sites = fields.List(Slug(), load_default=list, validate=validate.Length(max=100))


class WebhookSchema(NewWebhookSchema):
    """`failing_since`: it has taken nothing since. `given_up`: not taken for a day."""

    id = fields.Integer(required=True)
    sites = fields.List(fields.String(), required=True)
    made_at = Moment(required=True)
    made_by = fields.String(required=True)
    failing_since = Moment(required=True, allow_none=True)
    waiting = fields.Integer(required=True)
    given_up = fields.Integer(required=True)
    taken_at = Moment(required=True, allow_none=True)


class WebhookSecretSchema(Schema):
    """By which the receiver knows who sends. It is shown this once."""

    id = fields.Integer(required=True)
    secret = fields.String(required=True)


class WebhookDeliveriesQuery(Schema):
    limit = Limit(50, 500)
    cursor = Cursor(int)


class DeliverySchema(Schema):
    """`kind`: of the alert, or why a device was reported broken. `problem`: of the last try."""

    id = fields.Integer(required=True)
    event = Word(Event, required=True)
    at = Moment(required=True)
    kind = fields.String(required=True, allow_none=True)
    asset_tag = fields.String(required=True, allow_none=True)
    ward_name = fields.String(required=True, allow_none=True)
    site_name = fields.String(required=True, allow_none=True)
    state = Word(DeliveryState, required=True)
    tries = fields.Integer(required=True)
    tried_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)
    problem = fields.String(required=True, allow_none=True)


class WebhookTestSchema(Schema):
    delivery = fields.Integer(required=True)


class DeliveryCountSchema(Schema):
    deliveries = fields.Integer(required=True)
