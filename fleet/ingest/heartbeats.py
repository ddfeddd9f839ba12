"""The service's own heartbeat: it has come through schedule, broker and ingest."""

from fleet.ingest.batch import Batch
from fleet.ingest.decode import HEARTBEAT
from fleet.ingest.metrics import LAG
from fleet.services.heartbeat import note_round_trip
from fleet.store.types import from_ms
from fleet.wire.messages import Heartbeat


def heartbeats(batch: Batch) -> None:
    """Note when the newest one was sent: one that lay in a queue for an hour proves nothing."""
    sent = [m.message.sent_ms for m in batch.said(HEARTBEAT) if isinstance(m.message, Heartbeat)]
    if sent:
        newest = from_ms(max(sent))
        LAG.heard(batch.now - newest)
        note_round_trip(batch.session, newest)
