"""A signing ceremony for tests: keys of every role, and documents signed with them."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner

from fleet.signing.ceremony import RoleKeys, first_trust, next_trust
from fleet.signing.keys import PublicHalf, load_signer, make_key
from fleet.signing.sign import signed
from fleet.trust.documents import (
    Artifact,
    Direction,
    Downgrade,
    Manifest,
    TrustDocument,
)
from fleet.trust.envelope import payload_digest
from fleet.trust.verify import Trust
from fleet.wire.envelope import Envelope

NOW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
HARDWARE = "M40"
DEVICE = "cart-001"


class Ceremony:
    """Three root keys, one release key, one online key; `now`: when everything is signed."""

    def __init__(self, folder: Path, now: datetime = NOW) -> None:
        self.folder, self.now = folder, now
        self.halves: dict[str, PublicHalf] = {}
        self.signers: dict[str, CryptoSigner] = {}
        for name in ("root-1", "root-2", "root-3", "release", "online"):
            self.add(name)
        self.document = first_trust(self.role_keys(), now, YEAR)
        self.envelope = self.sign(self.document, "root-1", "root-2")

    def add(self, name: str) -> PublicHalf:
        path = self.folder / f"{name}.pem"
        self.halves[name] = make_key(path)
        self.signers[name] = load_signer(path)
        return self.halves[name]

    def role_keys(self, **changed: Any) -> RoleKeys:
        halves = self.halves
        named = {
            "root": [halves["root-1"], halves["root-2"], halves["root-3"]],
            "release": [halves["release"]],
            "online": [halves["online"]],
        }
        return RoleKeys(**{**named, **changed})

    def sign(self, document: Any, *names: str) -> Envelope:
        return signed(document, *(self.signers[name] for name in names))

    @property
    def trust(self) -> Trust:
        return Trust.anchored(self.envelope)

    def rotated(self, **changed: Any) -> TrustDocument:
        return next_trust(self.document, RoleKeys(**{**_NOBODY, **changed}), self.now, YEAR)

    def manifest(self, content: bytes = b"image", by: str = "release", **changed: Any) -> Envelope:
        return self.sign(firmware(content, self.now, **changed), by)

    def direction(
        self, manifest: Envelope, device: str = DEVICE, by: str = "online", **changed: Any
    ) -> Envelope:
        said: dict[str, Any] = {
            "device_id": device,
            "manifest_sha256": payload_digest(manifest),
            "nonce": "0" * 32,
            **lasting(self.now),
            **changed,
        }
        return self.sign(Direction(**said), by)

    def downgrade(self, manifest: Envelope, seen: int, *by: str, **changed: Any) -> Envelope:
        said: dict[str, Any] = {
            "manifest_sha256": payload_digest(manifest),
            "seen": seen,
            "why": "the newer one does not charge",
            **lasting(self.now),
            **changed,
        }
        return self.sign(Downgrade(**said), *(by or ("root-1", "root-3")))


_NOBODY: dict[str, Any] = {"root": [], "release": [], "online": []}


def lasting(now: datetime, much: timedelta = YEAR) -> dict[str, Any]:
    return {"issued_at": now, "expires_at": now + much}


def firmware(content: bytes = b"image", now: datetime = NOW, **changed: Any) -> Manifest:
    """Of a file with this content."""
    sha256 = hashlib.sha256(content).hexdigest()
    said: dict[str, Any] = {
        "type": "firmware",
        "manifest_id": f"firmware-{changed.get('version', '4.2.0')}",
        "release_counter": 7,
        "version": "4.2.0",
        "hardware_ids": [HARDWARE],
        "artifact": Artifact(f"artifacts/{sha256}", sha256, len(content)),
        **lasting(now),
        **changed,
    }
    return Manifest(**said)
