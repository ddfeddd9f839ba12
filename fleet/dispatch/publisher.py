"""The one that speaks: a paho connection that only publishes."""

import logging
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

log = logging.getLogger(__name__)


class Publisher:
    """Publishes at QoS 1. `publish` never waits; `Receipt.wait` does, where it matters."""

    def __init__(self, url: str, client_id: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "127.0.0.1", parts.port or 1883)
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5
        )
        self._client.username_pw_set(parts.username, parts.password)
        self._client.reconnect_delay_set(min_delay=1, max_delay=5)
        self._client.max_inflight_messages_set(1_000)
        self._client.max_queued_messages_set(10_000)

    def start(self) -> None:
        self._client.connect_async(*self._address, keepalive=20, clean_start=True)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def publish(
        self, topic: str, payload: bytes, retain: bool = False, expiry_s: int | None = None
    ) -> "Receipt":
        properties = Properties(PacketTypes.PUBLISH)
        if expiry_s is not None:
            properties.MessageExpiryInterval = expiry_s
        return Receipt(
            self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        )


class Receipt:
    """Proof that the broker has taken a message, once it has."""

    def __init__(self, info: Any) -> None:
        self._info = info

    def wait(self, timeout_s: float) -> bool:
        try:
            self._info.wait_for_publish(timeout_s)
        except (ValueError, RuntimeError):
            return False
        return bool(self._info.is_published())
