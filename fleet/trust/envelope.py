"""DSSE v1 envelopes: a payload with its type, and signatures over both.

Protocol: Dead Simple Signing Envelope, secure-systems-lab/dsse, protocol.md.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Meta

from fleet.trust.refusal import Reason, Refused
from fleet.wire.envelope import Envelope

MAX_ENVELOPE_BYTES = 131_072

KeyId = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
PublicKey = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""Ed25519, raw (RFC 8032, 5.1.5); base64 in JSON."""


def read_envelope(text: bytes) -> Envelope:
    """Raises Refused: `malformed`."""
    if len(text) > MAX_ENVELOPE_BYTES:
        raise Refused(Reason.MALFORMED, f"an envelope of more than {MAX_ENVELOPE_BYTES} bytes")
    try:
        return msgspec.json.decode(text, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(Reason.MALFORMED, f"not an envelope: {error}") from error


def key_id(public: bytes) -> str:
    """Made of the key itself, so that one key cannot go by two names."""
    return hashlib.sha256(public).hexdigest()


def payload_digest(envelope: Envelope) -> str:
    """SHA-256 (hex) over the payload: by it one document names another."""
    return hashlib.sha256(envelope.payload).hexdigest()


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: neither part can be read as the other."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def signers(envelope: Envelope, keys: Mapping[str, bytes]) -> frozenset[str]:
    """Which of these keys have signed it. A key counts once, however often it has."""
    said = signed_bytes(envelope.payload_type, envelope.payload)
    return frozenset(
        signature.keyid
        for signature in envelope.signatures
        if signature.keyid in keys and _has_signed(keys[signature.keyid], signature.sig, said)
    )


def _has_signed(public: bytes, signature: bytes, said: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, said)
    except (InvalidSignature, ValueError):
        return False
    return True
