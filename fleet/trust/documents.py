"""What is signed: the trust document, manifests, downgrades, directions.

Each kind has a payload type of its own, which the signature covers: none can be passed off as
another.
"""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from fleet.trust.envelope import KeyId, PublicKey, key_id
from fleet.wire.messages import Counter, Label, Percent, Text, Timestamp

TRUST = "application/vnd.wardfleet.trust+json"
MANIFEST = "application/vnd.wardfleet.manifest+json"
DOWNGRADE = "application/vnd.wardfleet.downgrade+json"
DIRECTION = "application/vnd.wardfleet.direction+json"

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+){0,3}$", max_length=64)]
ReleaseCounter = Annotated[int, Meta(ge=1, le=2**53)]
Nonce = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
MAX_ARTIFACT_BYTES = 8 * 1024**3


class Lasting(Struct, omit_defaults=True, kw_only=True):
    """A document with a first and a last moment."""

    issued_at: Timestamp
    expires_at: Timestamp

    def __post_init__(self) -> None:
        if self.expires_at <= self.issued_at:
            raise ValueError("expires_at: must be after issued_at")


class Role(Struct):
    """Who signs as this: so many different keys of these."""

    keys: Annotated[list[KeyId], Meta(min_length=1, max_length=16)]
    threshold: Annotated[int, Meta(ge=1, le=16)]


class TrustDocument(Lasting, kw_only=True):
    """Which keys may say what. Signed by the root keys; a new version by the former ones too.

    `root`: this document, and downgrades. `release`: manifests. `online`: directions, nothing else.
    """

    type: Literal["trust"] = "trust"
    version: Annotated[int, Meta(ge=1, le=2**31 - 1)]
    keys: dict[KeyId, PublicKey]
    root: Role
    release: Role
    online: Role

    def __post_init__(self) -> None:
        super().__post_init__()
        misnamed = [name for name, public in self.keys.items() if key_id(public) != name]
        if misnamed:
            raise ValueError(f"keys.{misnamed[0]}: is not the SHA-256 of its key")
        named: list[str] = []
        for name, role in self.roles().items():
            named += role.keys
            if role.threshold > len(set(role.keys)):
                raise ValueError(f"{name}.threshold: more than its different keys")
            if not set(role.keys) <= self.keys.keys():
                raise ValueError(f"{name}.keys: must stand under keys")
        if len(set(named)) < len(named):
            raise ValueError("a key stands twice: each has one role")

    def roles(self) -> dict[str, Role]:
        return {"root": self.root, "release": self.release, "online": self.online}

    def keys_of(self, role: Role) -> dict[str, bytes]:
        return {name: self.keys[name] for name in role.keys}


class Artifact(Struct):
    """The file of a release. `uri`: relative to the service's `/api/v1/firmware/`, or absolute."""

    uri: Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[!-~]+$")]
    sha256: Sha256
    length: Annotated[int, Meta(ge=1, le=MAX_ARTIFACT_BYTES)]


class Requires(Struct, omit_defaults=True, frozen=True):
    """What a device must be before it installs; what it does not know of itself does not count."""

    min_soc_pct: Percent | None = None
    on_mains: bool = False
    idle: bool = False


class Manifest(Lasting, kw_only=True):
    """What a release is. `hardware_ids`: makes and types of device, as devices give in `birth`.

    A firmware has an artifact; a profile has the fingerprint of its document (`wire.digest`).
    """

    type: Literal["firmware", "profile"]
    manifest_id: Annotated[Label, Meta(min_length=1)]
    release_counter: ReleaseCounter
    version: Version
    hardware_ids: Annotated[list[Label], Meta(max_length=64)] = []
    artifact: Artifact | None = None
    document_sha256: Sha256 | None = None
    requires: Requires = Requires()
    notes: Text | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.type == "firmware" and (self.artifact is None or not self.hardware_ids):
            raise ValueError("a firmware needs artifact and hardware_ids")
        if self.type == "profile" and self.document_sha256 is None:
            raise ValueError("a profile needs document_sha256")


class Downgrade(Lasting, kw_only=True):
    """The root's leave to install an older release, for devices that have seen at most `seen`."""

    type: Literal["downgrade"] = "downgrade"
    manifest_sha256: Sha256
    seen: ReleaseCounter
    why: Annotated[Text, Meta(min_length=1)]


class Direction(Lasting, kw_only=True):
    """This device, this manifest. `generation`: of the desired state, where it is a profile."""

    type: Literal["direction"] = "direction"
    device_id: Annotated[str, Meta(max_length=63)]
    manifest_sha256: Sha256
    nonce: Nonce
    generation: Counter | None = None


Document = TrustDocument | Manifest | Downgrade | Direction
TYPES: dict[str, type[Document]] = {
    TRUST: TrustDocument,
    MANIFEST: Manifest,
    DOWNGRADE: Downgrade,
    DIRECTION: Direction,
}


def payload_type_of(document: Document) -> str:
    return next(name for name, kind in TYPES.items() if isinstance(document, kind))


def is_over(document: Lasting, now: datetime) -> bool:
    return now >= document.expires_at
