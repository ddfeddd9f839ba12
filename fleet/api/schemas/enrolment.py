"""How devices come in: from a table, by a token, approved or taken back."""

from marshmallow import Schema, fields, validate

from fleet.api.schemas.common import DeviceId, Moment

TABLE = {
    "csv": "asset_tag,serial,kind,model,ward\nCART-017,RV3-00417,medication_cart,Rover 3,icu\n",
    "dry_run": True,
}
REGISTERED = {"device_ids": ["cart-017"], "dry_run": True}
TOKEN_WANTED = {"approved": False}
TOKEN = {
    "device_id": "cart-017",
    "token": "wfe_8mXJb0mS3fDq",
    "code": "wardfleet:enrol?url=https://fleet.example:8443&id=cart-017&token=wfe_8mXJb0mS3fDq&ca=9f2c",
    "expires_at": "2026-11-25T03:12:05.000Z",
}
REVOKED = {"serials": ["37bb04"]}


class TableSchema(Schema):
    """Devices as CSV; the first line names the columns. All of its lines are entered, or none."""

    csv = fields.String(required=True, validate=validate.Length(max=1_000_000))
    dry_run = fields.Boolean(load_default=False)


class RegisteredSchema(Schema):
    """`dry_run`: they could be, and are not."""

    device_ids = fields.List(DeviceId(), required=True)
    dry_run = fields.Boolean(required=True)


class TokenWantedSchema(Schema):
    """`approved`: whoever shows it gets the certificate at once."""

    approved = fields.Boolean(load_default=False)


class EnrolmentTokenSchema(Schema):
    """It works once. `code` is what the label says: address, device, token and authority."""

    device_id = DeviceId(required=True)
    token = fields.String(required=True)
    code = fields.String(required=True)
    expires_at = Moment(required=True)


class RevokedSchema(Schema):
    serials = fields.List(fields.String(), required=True)
