"""What could not be accepted, kept with its reason where IT can see it."""

from sqlalchemy import select

from fleet.ingest.batch import Batch, Rejected
from fleet.store.quarantine import KEPT_BYTES, QuarantinedMessage


def quarantine(batch: Batch) -> None:
    for rejected in batch.rejected:
        found = _message(rejected)
        if not (rejected.heard.retained and _is_set_aside(batch, found)):
            batch.session.add(found)


def _message(rejected: Rejected) -> QuarantinedMessage:
    payload = rejected.payload or rejected.heard.payload
    return QuarantinedMessage(
        received_at=rejected.heard.received_at,
        topic=_storable(rejected.heard.topic, 256),
        device_id=_storable(rejected.device_id, 64) if rejected.device_id else None,
        reason=_storable(rejected.reason, 512),
        size_bytes=rejected.heard.size or len(payload),
        payload_start=payload[:KEPT_BYTES],
    )


def _is_set_aside(batch: Batch, found: QuarantinedMessage) -> bool:
    """A broker says what it retains at every connection of ours; it is one message all the same."""
    same = {
        name: getattr(found, name) for name in ("device_id", "topic", "size_bytes", "payload_start")
    }
    query = select(QuarantinedMessage.id).filter_by(**same).limit(1)
    return batch.session.scalar(query) is not None


def _storable(text: str, length: int) -> str:
    """PostgreSQL holds no NUL and no half of a surrogate pair in text."""
    clean = text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
    return clean[:length]
