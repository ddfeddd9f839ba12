"""DSSE v1 envelopes, on the wire and in files; what one is worth, `fleet.trust` says."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

MAX_SIGNATURES = 16


class Signature(Struct):
    """`keyid` is a hint that nobody has signed: it only says which key to try."""

    keyid: Annotated[str, Meta(max_length=64)]
    sig: Annotated[bytes, Meta(max_length=64)]


class Envelope(Struct):
    """Bytes are base64 in JSON."""

    payload: Annotated[bytes, Meta(max_length=65_536)]
    payload_type: Annotated[str, Meta(max_length=128)] = msgspec.field(name="payloadType")
    signatures: Annotated[list[Signature], Meta(max_length=MAX_SIGNATURES)]
