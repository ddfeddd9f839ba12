"""An authenticator in software: it keeps passkeys and signs with them as WebAuthn Level 3 has it.

What it says can be bent, to see that the service does not believe it.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One key of one person. `origin`: where the browser says that the page is; `host`: which
    relying party it believes to be asked by, None for the one that it is told."""

    origin: str = "http://localhost:8080"
    host: str | None = None
    is_verified: bool = True
    counts: bool = True
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def copy(self, **bent: Any) -> "Authenticator":
        """With the same key: a clone, or this one seen elsewhere."""
        return replace(self, **bent)

    def make(self, told: dict[str, Any]) -> str:
        """What a browser answers to `navigator.credentials.create`."""
        self.handle = unbase64(told["user"]["id"])
        client = self._client("webauthn.create", told["challenge"])
        length = len(self.credential_id).to_bytes(2, "big")
        attested = bytes(16) + length + self.credential_id + self.public_key()
        data = self._data(told["rp"]["id"], ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer({"clientDataJSON": client, "attestationObject": attestation})

    def sign(self, told: dict[str, Any]) -> str:
        """What it answers to `navigator.credentials.get`."""
        self.count += self.counts
        client = self._client("webauthn.get", told["challenge"])
        data = self._data(told["rpId"])
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        said = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        return self._answer(said | ({"userHandle": self.handle} if self.handle else {}))

    def _client(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, host: str, flags: int = 0) -> bytes:
        flags |= PRESENT | (VERIFIED if self.is_verified else 0)
        of_host = hashlib.sha256((self.host or host).encode()).digest()
        return of_host + bytes([flags]) + self.count.to_bytes(4, "big")

    def public_key(self) -> bytes:
        """COSE: EC2, ES256, P-256, x, y (RFC 9053, 7.1.1)."""
        point = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _answer(self, response: dict[str, bytes]) -> str:
        said = {name: base64(part) for name, part in response.items()}
        own = base64(self.credential_id)
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": said})


def base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unbase64(text: str) -> bytes:
    return urlsafe_b64decode(text + "===")
