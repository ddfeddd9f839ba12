"""People: what they may, and where."""

from marshmallow import Schema, fields

from fleet.api.schemas.common import Moment, Text, Word
from fleet.domain.access import Role

GRANT = {
    "id": 3,
    "role": "ward_nurse",
    "where": "ward:icu",
    "external": False,
    "created_at": "2026-11-24T03:12:05.000Z",
    "created_by": "user:ada",
}
NEW_GRANT = {"role": "ward_nurse", "where": "ward:icu"}
PERSON = {
    "username": "nia",
    "created_at": "2026-11-24T03:12:05.000Z",
    "disabled_at": None,
    "second_factor_since": None,
    "passkeys": 1,
    "issuer": None,
    "roles": [GRANT],
}
NEW_PERSON = {"username": "nia", "password": "correct horse battery", **NEW_GRANT}


class NewGrantSchema(Schema):
    """`where`: `everything`, `site:<slug>` or `ward:<slug>`."""

    role = Word(Role, required=True)
    where = Text(80, load_default="everything")


class GrantSchema(NewGrantSchema):
    """`external`: given by single sign-on, and taken by it."""

    id = fields.Integer(required=True)
    where = Text(80, required=True)
    external = fields.Boolean(required=True)
    created_at = Moment(required=True)
    created_by = fields.String(required=True)


class NewPersonSchema(NewGrantSchema):
    username = Text(64, required=True)
    password = fields.String(required=True, load_only=True)


class PersonSchema(Schema):
    """`issuer`: of the OpenID provider that vouches for them; null: they have a password here."""

    username = fields.String(required=True)
    created_at = Moment(required=True)
    disabled_at = Moment(required=True, allow_none=True)
    second_factor_since = Moment(required=True, allow_none=True, attribute="totp_since")
    passkeys = fields.Integer(required=True)
    issuer = fields.String(required=True, allow_none=True)
    roles = fields.List(fields.Nested(GrantSchema), required=True, attribute="grants")
