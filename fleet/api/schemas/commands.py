"""Commands to one device."""

from marshmallow import Schema, fields

from fleet.api.schemas.common import Moment, Word
from fleet.domain.commands import DEFAULT_TTL_S, CommandName, CommandState

COMMAND = {
    "id": 12,
    "name": "locate",
    "state": "acknowledged",
    "detail": None,
    "created_at": "2026-11-24T21:46:00.000Z",
    "created_by": "user:ada",
    "expires_at": "2026-11-24T21:48:00.000Z",
    "ended_at": "2026-11-24T21:46:02.000Z",
}


class CommandSchema(Schema):
    """`acknowledged`: the device has done it. `expired`: it never will."""

    id = fields.Integer(required=True)
    name = Word(CommandName, required=True)
    state = Word(CommandState, required=True)
    detail = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    created_by = fields.String(required=True)
    expires_at = Moment(required=True)
    ended_at = Moment(required=True, allow_none=True)


class NewCommandSchema(Schema):
    """`ttl_s`: seconds until it expires, 60 to 300."""

    name = Word(CommandName, required=True)
    ttl_s = fields.Integer(load_default=DEFAULT_TTL_S, strict=True)
