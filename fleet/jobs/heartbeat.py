"""The message that goes round through the broker and ingest, and shows that all of it works."""

from datetime import datetime

from fleet.dispatch.publisher import Publisher
from fleet.services.heartbeat import forget_silent
from fleet.store.types import to_ms
from fleet.wire import topics
from fleet.wire.messages import Heartbeat, encode


def heartbeat(publisher: Publisher, now: datetime) -> None:
    forget_silent(now)
    if publisher.is_connected:
        publisher.publish(topics.HEARTBEAT, encode(Heartbeat(to_ms(now))))
