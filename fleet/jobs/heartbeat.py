"""The sign of life of `schedule`, and the one that goes round through the broker and ingest."""

from datetime import datetime

from fleet.dispatch.publisher import Publisher
from fleet.services.heartbeat import note_beat
from fleet.store.types import to_ms
from fleet.wire import topics
from fleet.wire.messages import Heartbeat, encode


def heartbeat(publisher: Publisher, now: datetime) -> None:
    note_beat("schedule", now, publisher.is_connected)
    if publisher.is_connected:
        publisher.publish(topics.HEARTBEAT, encode(Heartbeat(to_ms(now))))
