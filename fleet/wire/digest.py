"""The fingerprint by which both sides know that they mean the same configuration."""

import hashlib

from fleet.wire.messages import DesiredDocument, encode


def document_sha256(document: DesiredDocument) -> str:
    """SHA-256 (hex) over the document's canonical JSON."""
    return hashlib.sha256(encode(document)).hexdigest()
