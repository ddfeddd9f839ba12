"""What could not be accepted, kept with its reason where IT can see it."""

from fleet.ingest.batch import Batch
from fleet.store.quarantine import KEPT_BYTES, QuarantinedMessage


def quarantine(batch: Batch) -> None:
    batch.session.add_all(
        QuarantinedMessage(
            received_at=rejected.heard.received_at,
            topic=_storable(rejected.heard.topic, 256),
            device_id=_storable(rejected.device_id, 64) if rejected.device_id else None,
            reason=_storable(rejected.reason, 512),
            size_bytes=rejected.heard.size or len(rejected.payload or rejected.heard.payload),
            payload_start=(rejected.payload or rejected.heard.payload)[:KEPT_BYTES],
        )
        for rejected in batch.rejected
    )


def _storable(text: str, length: int) -> str:
    """PostgreSQL holds no NUL and no half of a surrogate pair in text."""
    clean = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return clean[:length]
