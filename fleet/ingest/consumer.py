"""The one that listens: paho with manual acknowledgement, nothing acked before it is committed."""

import logging
import socket
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Condition
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fleet.ingest import metrics
from fleet.ingest.batch import Inbound
from fleet.ingest.tap import Tap
from fleet.store.quarantine import KEPT_BYTES
from fleet.store.types import from_ms
from fleet.wire import topics
from fleet.wire.messages import MAX_MESSAGE_BYTES, Heartbeat
from fleet.wire.packets import Publish, pubacks
from fleet.wire.tls import TlsFiles

log = logging.getLogger(__name__)
_heartbeat = msgspec.json.Decoder(Heartbeat)

MAX_BATCH = 1_000
GATHER_S = 0.005
MAX_BATCH_BYTES = 4_000_000
"""A batch of backlogs is cut here: one transaction must stay short."""
MAX_PACKET_BYTES = 2_097_152
MAX_HELD_BYTES = 32_000_000
"""Beyond this, large messages are let go: their devices are not acked, and send them again."""
LARGE_BYTES = 4_096
LAG_THAT_COUNTS = timedelta(seconds=10)
_AT_LEAST_ONCE = mqtt.SubscribeOptions(qos=1)


class Consumer:
    """A shared MQTT 5 subscription to every device's upward topics, one of any number.

    The session is a clean one: what was meant for a consumer that died is lost at the broker, never
    stranded there, and comes again from the devices, which keep it until they are acked. Receive
    Maximum is twice the batch: the next batch arrives while one is being written.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        now: Callable[[], datetime],
        tls: TlsFiles | None = None,
    ) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or (8883 if tls else 1883))
        self._now = now
        self._arrived: deque[Inbound] = deque()
        self._arrival = Condition()
        self._held_bytes = 0
        self._tap: Tap | None = None
        self._lag = timedelta(0)
        self._listening = False
        self._client = _Client(self._on_socket, client_id)
        self._client.username_pw_set(parts.username, parts.password)
        if tls is not None:
            context = tls.context()
            self._client.tls_set_context(context)
            self._client.on_pre_connect = lambda *_: tls.show(context)
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe

    def start(self) -> None:
        properties = Properties(PacketTypes.CONNECT)
        properties.ReceiveMaximum = 2 * MAX_BATCH
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            *self._address, keepalive=20, clean_start=True, properties=properties
        )
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_listening(self) -> bool:
        """Connected, and the broker has granted the subscription."""
        return self._listening and self._client.is_connected()

    def receive(self, timeout_s: float) -> list[Inbound]:
        """What has arrived, and what arrives within GATHER_S of it, up to MAX_BATCH.

        Small and quick when it is quiet; one at a time, each message would cost a transaction.
        """
        batch: list[Inbound] = []
        with self._arrival:
            if not self._arrival.wait_for(lambda: self._arrived, timeout_s):
                return batch
            self._arrival.wait_for(lambda: len(self._arrived) >= MAX_BATCH, GATHER_S)
            size = 0
            while self._arrived and len(batch) < MAX_BATCH and size < MAX_BATCH_BYTES:
                heard = self._arrived.popleft()
                size += len(heard.payload)
                batch.append(heard)
            self._held_bytes -= size
            metrics.HELD_BYTES.set(self._held_bytes)
        return batch

    def settle(self, inbound: Sequence[Inbound]) -> None:
        """PUBACK in the order of arrival. What came over an earlier connection is not ours to ack:

        the broker has given it up, and its device sends it again.
        """
        mids = [mid for tap, mid in (m.token for m in inbound) if tap is self._tap and mid]
        self.write(pubacks(mids))

    def write(self, packets: bytes) -> None:
        """Whole MQTT packets, over the connection there is; lost where there is none."""
        try:
            if self._tap and packets:
                self._tap.write(packets)
        except OSError as error:
            log.warning("broker: %s", error)  # paho's thread finds it out, and connects again

    def _on_socket(self, inner: socket.socket) -> Tap:
        self._listening = False
        self._tap = Tap(inner, self._on_publish)
        return self._tap

    def _on_connect(
        self, client: mqtt.Client, _userdata: Any, _flags: Any, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            log.warning("broker refused ingest: %s", reason)
            return
        client.subscribe(
            [(topics.SHARED_UP_FILTER, _AT_LEAST_ONCE), (topics.HEARTBEAT, _AT_LEAST_ONCE)]
        )

    def _on_subscribe(
        self, _client: mqtt.Client, _userdata: Any, _mid: int, reasons: Any, _properties: Any
    ) -> None:
        self._listening = not any(reason.is_failure for reason in reasons)
        if not self._listening:
            log.error("broker refused a subscription of ingest: %s", ", ".join(map(str, reasons)))

    def _on_publish(self, tap: Tap, said: Sequence[Publish]) -> None:
        """In paho's thread, which an exception would end unnoticed: nothing here may raise."""
        now = self._now()
        with self._arrival:
            for publish in said:
                if publish.qos == 0 and len(self._arrived) > 2 * MAX_BATCH:
                    metrics.SHED.inc()
                    continue  # Receive Maximum does not hold back QoS 0; nobody waits for its ack
                self._arrived.append(self._inbound(tap, publish, now))
            self._arrival.notify()

    def _inbound(self, tap: Tap, publish: Publish, now: datetime) -> Inbound:
        topic, payload = publish.topic.decode("utf-8", "replace"), publish.payload
        size = len(payload)
        if topic == topics.HEARTBEAT:
            self._lag = _lag(payload, now)
        if size > MAX_MESSAGE_BYTES:
            payload = payload[:KEPT_BYTES]
        shed = size > LARGE_BYTES and self._held_bytes > MAX_HELD_BYTES
        if shed:
            metrics.SHED.inc()
            payload = b""
        self._held_bytes += len(payload)
        token = (tap, publish.mid)
        return Inbound(topic, payload, now - self._lag, token, publish.retain, size, shed)


class _Client(mqtt.Client):
    """paho, with a tap on its socket."""

    def __init__(self, on_socket: Any, client_id: str) -> None:
        super().__init__(
            mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5, manual_ack=True
        )
        self._put_tap_on = on_socket

    def _create_socket(self) -> Any:
        return self._put_tap_on(super()._create_socket())


def _lag(heartbeat: bytes, now: datetime) -> timedelta:
    """How long messages now wait in the broker, as the service's own heartbeat among them shows.

    After an outage the broker delivers what it kept: heard now, and said an hour ago.
    """
    try:
        lag = now - from_ms(_heartbeat.decode(heartbeat).sent_ms)
    except (msgspec.MsgspecError, OverflowError):
        return timedelta(0)
    return lag if lag > LAG_THAT_COUNTS else timedelta(0)
