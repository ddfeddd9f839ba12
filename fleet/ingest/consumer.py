"""The one that listens: paho with manual acknowledgement, nothing acked before it is committed."""

import logging
import queue
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fleet.ingest import metrics
from fleet.ingest.batch import Inbound
from fleet.store.quarantine import KEPT_BYTES
from fleet.store.types import from_ms
from fleet.wire import topics
from fleet.wire.messages import MAX_MESSAGE_BYTES, Heartbeat

log = logging.getLogger(__name__)
_heartbeat = msgspec.json.Decoder(Heartbeat)

MAX_BATCH = 1_000
MAX_BATCH_BYTES = 4_000_000
"""A batch of backlogs is cut here: one transaction must stay short."""
MAX_PACKET_BYTES = 2_097_152
LAG_THAT_COUNTS = timedelta(seconds=10)
_AT_LEAST_ONCE = mqtt.SubscribeOptions(qos=1)
SESSION_EXPIRY_S = 3_600
"""The broker keeps what arrives while ingest restarts; without it a restart would lose births."""


class Consumer:
    """A persistent MQTT 5 session on every device's upward topics.

    Receive Maximum is twice the batch: the next batch arrives while one is being written, and no
    more than that is ever held in memory.
    """

    def __init__(self, url: str, client_id: str = "wardfleet-ingest") -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 1883)
        self._arrived: queue.SimpleQueue[Inbound] = queue.SimpleQueue()
        self._connection = 0
        self._lag = timedelta(0)
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=mqtt.MQTTv5,
            manual_ack=True,
        )
        self._client.username_pw_set(parts.username, parts.password)
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message

    def start(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = 2 * MAX_BATCH
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            *self._address, keepalive=20, clean_start=False, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def receive(self, timeout_s: float) -> list[Inbound]:
        """What has arrived: as soon as there is one message, with all that wait behind it.

        Small and quick when it is quiet, up to MAX_BATCH under load.
        """
        batch: list[Inbound] = []
        try:
            batch.append(self._arrived.get(timeout=timeout_s))
            size = len(batch[0].payload)
            while len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
                batch.append(self._arrived.get_nowait())
                size += len(batch[-1].payload)
        except queue.Empty:
            pass
        return batch

    def settle(self, inbound: Sequence[Inbound]) -> None:
        """PUBACK in the order of arrival. What came over an earlier connection comes again."""
        for heard in inbound:
            connection, mid, qos = heard.token
            if connection == self._connection:
                self._client.ack(mid, qos)

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("broker refused ingest: %s", reason)
            return
        self._connection += 1
        client.subscribe([(topics.UP_FILTER, _AT_LEAST_ONCE), (topics.HEARTBEAT, _AT_LEAST_ONCE)])

    def _on_message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        # Nothing here may raise: an exception would end paho's network thread unnoticed.
        if message.qos == 0 and self._arrived.qsize() > 2 * MAX_BATCH:
            metrics.SHED.inc()
            return  # Receive Maximum does not hold back QoS 0, and nobody waits for its ack
        now, topic, size = datetime.now(UTC), _topic(message), len(message.payload)
        if topic == topics.HEARTBEAT:
            self._lag = _lag(bytes(message.payload), now)
        kept = message.payload if size <= MAX_MESSAGE_BYTES else message.payload[:KEPT_BYTES]
        token = (self._connection, message.mid, message.qos)
        taken_at = now - self._lag
        self._arrived.put(Inbound(topic, bytes(kept), taken_at, token, message.retain, size))


def _lag(heartbeat: bytes, now: datetime) -> timedelta:
    """How long messages now wait in the broker, as the service's own heartbeat among them shows.

    After an outage the broker delivers what it kept: heard now, and said an hour ago.
    """
    try:
        lag = now - from_ms(_heartbeat.decode(heartbeat).sent_ms)
    except (msgspec.MsgspecError, OverflowError):
        return timedelta(0)
    return lag if lag > LAG_THAT_COUNTS else timedelta(0)


def _topic(message: mqtt.MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "(a topic that is not UTF-8)"
