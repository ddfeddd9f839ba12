"""What people do with keys, away from the service: trust documents, manifests, downgrades."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import msgspec

from fleet.signing.keys import PublicHalf
from fleet.trust.documents import (
    Artifact,
    Document,
    Downgrade,
    Manifest,
    Requires,
    Role,
    TrustDocument,
)
from fleet.wire.messages import encode

D = TypeVar("D", bound=Document)

ROOT_THRESHOLD = 2
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class RoleKeys:
    """Public halves of the keys of each role; the numbers say how many of them must sign."""

    root: Sequence[PublicHalf]
    release: Sequence[PublicHalf]
    online: Sequence[PublicHalf]
    root_threshold: int = ROOT_THRESHOLD
    release_threshold: int = 1


def first_trust(keys: RoleKeys, now: datetime, lasting: timedelta) -> TrustDocument:
    """Version 1. Raises ValueError, naming what is wrong."""
    return _trust(1, keys, now, lasting)


def next_trust(
    former: TrustDocument, changed: RoleKeys, now: datetime, lasting: timedelta
) -> TrustDocument:
    """The version after `former`; a role for which no keys are given keeps those it has."""

    def kept(role: Role) -> list[PublicHalf]:
        return [PublicHalf(name, former.keys[name]) for name in role.keys]

    keys = RoleKeys(
        root=changed.root or kept(former.root),
        release=changed.release or kept(former.release),
        online=changed.online or kept(former.online),
        root_threshold=changed.root_threshold,
        release_threshold=changed.release_threshold,
    )
    return _trust(former.version + 1, keys, now, lasting)


def firmware_manifest(
    file: Path,
    version: str,
    hardware_ids: Sequence[str],
    release_counter: int,
    now: datetime,
    lasting: timedelta,
    requires: Requires,
) -> Manifest:
    """Of this file, as it is now. Raises ValueError, OSError."""
    sha256, length = measure(file)
    manifest = Manifest(
        type="firmware",
        manifest_id=f"firmware-{version}-{uuid4().hex[:8]}",
        release_counter=release_counter,
        version=version,
        hardware_ids=list(hardware_ids),
        artifact=Artifact(f"artifacts/{sha256}", sha256, length),
        requires=requires,
        issued_at=now,
        expires_at=now + lasting,
    )
    return checked(manifest)


def downgrade_to(
    manifest_sha256: str, seen: int, why: str, now: datetime, lasting: timedelta
) -> Downgrade:
    """Leave for devices that have seen at most the counter `seen`. Raises ValueError."""
    return checked(
        Downgrade(
            manifest_sha256=manifest_sha256,
            seen=seen,
            why=why,
            issued_at=now,
            expires_at=now + lasting,
        )
    )


def measure(file: Path) -> tuple[str, int]:
    """SHA-256 (hex) and length in bytes."""
    digest, length = hashlib.sha256(), 0
    with file.open("rb") as content:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
    return digest.hexdigest(), length


def checked(document: D) -> D:
    """As whoever reads it will: constraints of single fields are held only there."""
    return msgspec.json.decode(encode(document), type=type(document))


def _trust(version: int, keys: RoleKeys, now: datetime, lasting: timedelta) -> TrustDocument:
    def role(halves: Sequence[PublicHalf], threshold: int) -> Role:
        return Role([half.keyid for half in halves], threshold)

    everybody = (*keys.root, *keys.release, *keys.online)
    document = TrustDocument(
        version=version,
        keys={half.keyid: half.public for half in everybody},
        root=role(keys.root, keys.root_threshold),
        release=role(keys.release, keys.release_threshold),
        online=role(keys.online, 1),
        issued_at=now,
        expires_at=now + lasting,
    )
    return checked(document)
