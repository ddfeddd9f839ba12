"""Firmware releases and the trust document."""

from typing import Any

from marshmallow import Schema, fields

from fleet.api.cursors import Cursor
from fleet.api.schemas.common import Limit, Moment

_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
RELEASE = {
    "id": 3,
    "manifest_id": "firmware-4.2.0-1c0ffee1",
    "manifest_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    "version": "4.2.0",
    "release_counter": 7,
    "hardware_ids": ["Medistep M40"],
    "sha256": _SHA256,
    "length": 48234496,
    "issued_at": "2026-11-20T09:30:00.000Z",
    "expires_at": "2027-11-20T09:30:00.000Z",
    "has_file": True,
    "may_go_back": False,
    "added_at": "2026-11-20T10:02:00.000Z",
    "added_by": "cli",
}
ENVELOPE: dict[str, Any] = {
    "payload": "e30=",
    "payloadType": "application/vnd.wardfleet.manifest+json",
    "signatures": [{"keyid": _SHA256, "sig": "AAAA"}],
}


class ReleaseSchema(Schema):
    """`has_file`: its file lies here to be fetched. `may_go_back`: the root lets newer devices."""

    id = fields.Integer(required=True)
    manifest_id = fields.String(required=True)
    manifest_sha256 = fields.String(required=True)
    version = fields.String(required=True)
    release_counter = fields.Integer(required=True)
    hardware_ids = fields.List(fields.String(), required=True)
    sha256 = fields.String(required=True)
    length = fields.Integer(required=True, metadata={"description": "Bytes."})
    issued_at = Moment(required=True)
    expires_at = Moment(required=True)
    has_file = fields.Boolean(required=True)
    may_go_back = fields.Boolean(required=True)
    added_at = Moment(required=True)
    added_by = fields.String(required=True)


class ReleasesQuery(Schema):
    cursor = Cursor(int)
    limit = Limit(50, 200)


class SignatureSchema(Schema):
    keyid = fields.String(required=True)
    sig = fields.String(required=True, metadata={"description": "Ed25519, base64."})


class EnvelopeSchema(Schema):
    """DSSE v1: `payload` is base64, and is to be read only once its signatures are verified."""

    payload = fields.String(required=True)
    payload_type = fields.String(required=True, data_key="payloadType")
    signatures = fields.List(fields.Nested(SignatureSchema), required=True)
