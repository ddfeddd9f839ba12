"""From an envelope to a document that may be followed: type, signatures, content, expiry.

In this order: what nobody has signed is not even parsed.
`now` is to be a moment that is not before any signed one (`Memory.moment`): a device's clock may
stand in 1970, where nothing is ever over.
"""

from datetime import datetime
from typing import TypeVar

import msgspec

from fleet.trust.documents import (
    DIRECTION,
    DOWNGRADE,
    MANIFEST,
    TRUST,
    TYPES,
    Direction,
    Document,
    Downgrade,
    Lasting,
    Manifest,
    Role,
    TrustDocument,
    is_over,
)
from fleet.trust.envelope import payload_digest, signers
from fleet.trust.refusal import Reason, Refused
from fleet.wire.envelope import Envelope

D = TypeVar("D", bound=Document)


class Trust:
    """A trust document in force. Every method raises Refused."""

    def __init__(self, document: TrustDocument) -> None:
        self.document = document

    @classmethod
    def anchored(cls, envelope: Envelope) -> "Trust":
        """By a document that somebody has put in place by hand: it must be signed by its own."""
        document = _trust_in(envelope)
        _signed_by(envelope, document, document.root, "root")
        return cls(document)

    def followed_by(self, envelope: Envelope) -> "Trust":
        """By the next version, signed by the root keys of both. An expired one can be followed."""
        document = _trust_in(envelope)
        if document.version != self.document.version + 1:
            raise Refused(
                Reason.OLDER_THAN_SEEN,
                f"trust document {document.version} does not follow {self.document.version}",
            )
        _signed_by(envelope, self.document, self.document.root, "root")
        _signed_by(envelope, document, document.root, "root")
        return Trust(document)

    def manifest(self, envelope: Envelope, now: datetime) -> Manifest:
        return self._by(self.document.release, "release", envelope, MANIFEST, Manifest, now)

    def downgrade(self, envelope: Envelope, now: datetime) -> Downgrade:
        return self._by(self.document.root, "root", envelope, DOWNGRADE, Downgrade, now)

    def direction(self, envelope: Envelope, now: datetime) -> Direction:
        return self._by(self.document.online, "online", envelope, DIRECTION, Direction, now)

    def _by(
        self, role: Role, name: str, envelope: Envelope, payload_type: str, kind: type[D],
        now: datetime,
    ) -> D:  # fmt: skip
        _not_over(self.document, "the trust document", now)
        _of_type(envelope, payload_type)
        _signed_by(envelope, self.document, role, name)
        document = _decode(envelope, kind)
        _not_over(document, f"the {document.type}", now)
        return document


def read_document(envelope: Envelope) -> Document:
    """What it says, whoever has signed it. Raises Refused: `malformed`."""
    kind = TYPES.get(envelope.payload_type)
    if kind is None:
        raise Refused(Reason.MALFORMED, f"an unknown payload type: {envelope.payload_type!r}")
    return _decode(envelope, kind)


def check_directed(
    direction: Direction, device_id: str, manifest: Envelope, generation: int | None = None
) -> None:
    """Raises Refused unless it is for this device, this manifest and this generation."""
    if direction.device_id != device_id:
        raise Refused(Reason.WRONG_DEVICE, f"directed to {direction.device_id}")
    if direction.manifest_sha256 != payload_digest(manifest):
        raise Refused(Reason.WRONG_MANIFEST, "the direction is about another manifest")
    if direction.generation != generation:
        raise Refused(
            Reason.WRONG_MANIFEST, f"the direction is about generation {direction.generation}"
        )


def check_fits(manifest: Manifest, hardware_id: str | None) -> None:
    """Raises Refused: `wrong_hardware`."""
    if hardware_id not in manifest.hardware_ids:
        wanted = ", ".join(manifest.hardware_ids)
        raise Refused(Reason.WRONG_HARDWARE, f"for {wanted}; this is {hardware_id or 'unknown'}")


def check_counter(
    manifest: Manifest, envelope: Envelope, seen: int, downgrade: Downgrade | None
) -> None:
    """Raises Refused where the counter is below the highest seen, and the root gives no leave."""
    if manifest.release_counter >= seen:
        return
    if downgrade is None:
        raise Refused(
            Reason.OLDER_THAN_SEEN,
            f"release counter {manifest.release_counter} is below {seen}, which was seen already",
        )
    if downgrade.manifest_sha256 != payload_digest(envelope):
        raise Refused(Reason.WRONG_MANIFEST, "the downgrade is about another manifest")
    if seen > downgrade.seen:
        raise Refused(
            Reason.OLDER_THAN_SEEN,
            f"the downgrade is for what has seen {downgrade.seen} at most; this has seen {seen}",
        )


def _trust_in(envelope: Envelope) -> TrustDocument:
    """It must be read to know by whom it must be signed."""
    _of_type(envelope, TRUST)
    return _decode(envelope, TrustDocument)


def _of_type(envelope: Envelope, payload_type: str) -> None:
    if envelope.payload_type != payload_type:
        raise Refused(
            Reason.MALFORMED, f"expected {payload_type}, this is {envelope.payload_type!r}"
        )


def _decode(envelope: Envelope, kind: type[D]) -> D:
    try:
        return msgspec.json.decode(envelope.payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(Reason.MALFORMED, str(error)) from error


def _signed_by(envelope: Envelope, trust: TrustDocument, role: Role, name: str) -> None:
    by = signers(envelope, trust.keys_of(role))
    if len(by) < role.threshold:
        raise Refused(
            Reason.TOO_FEW_SIGNERS,
            f"signed by {len(by)} different {name} keys of trust document {trust.version}, "
            f"{role.threshold} are needed",
        )


def _not_over(document: Lasting, name: str, now: datetime) -> None:
    if is_over(document, now):
        raise Refused(Reason.EXPIRED, f"{name} expired on {document.expires_at:%Y-%m-%d %H:%M} UTC")
