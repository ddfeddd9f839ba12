"""Documents into envelopes, and signatures onto them."""

import base64
import json
from typing import Any

import msgspec
from securesystemslib.dsse import Envelope as Signable
from securesystemslib.signer import CryptoSigner

from fleet.trust.documents import Document, payload_type_of
from fleet.wire.envelope import Envelope, Signature
from fleet.wire.messages import encode


def unsigned(document: Document) -> Envelope:
    """Canonical JSON of the document, with no signature yet."""
    return Envelope(encode(document), payload_type_of(document), [])


def sign(envelope: Envelope, signer: CryptoSigner) -> Envelope:
    """With this key's signature added; an earlier one of the same key is replaced."""
    signable = Signable.from_dict(_as_dict(envelope))
    signable.sign(signer)
    return _from_dict(signable.to_dict())


def signed(document: Document, *by: CryptoSigner) -> Envelope:
    envelope = unsigned(document)
    for signer in by:
        envelope = sign(envelope, signer)
    return envelope


def write_envelope(envelope: Envelope) -> bytes:
    """As a file, one line."""
    return json.dumps(_as_dict(envelope), separators=(",", ":")).encode() + b"\n"


def _as_dict(envelope: Envelope) -> dict[str, Any]:
    said: dict[str, Any] = msgspec.to_builtins(envelope)
    return said


def _from_dict(said: dict[str, Any]) -> Envelope:
    """Our own readers know no more of a signature than its key id and itself."""
    signatures = [
        Signature(each["keyid"], base64.b64decode(each["sig"])) for each in said["signatures"]
    ]
    return Envelope(base64.b64decode(said["payload"]), said["payloadType"], signatures)
