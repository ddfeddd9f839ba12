"""The one that speaks: a paho connection that only publishes. And what a broker says it can do."""

import logging
import queue
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fleet.wire.tls import TlsFiles

log = logging.getLogger(__name__)


class Publisher:
    """Publishes at QoS 1. `publish` never waits; `Receipt.wait` does, where it matters."""

    def __init__(self, url: str, client_id: str, tls: TlsFiles | None = None) -> None:
        self._address = _address(url)
        self._client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5
        )
        _prepare(self._client, url, tls)
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


@dataclass(frozen=True, slots=True)
class Broker:
    """What a broker grants a connection, by its CONNACK (MQTT 5, 3.2.2.3); absent is allowed."""

    refused: str | None = None
    """Why it lets us not in, in its own words."""
    max_qos: int = 2
    retain: bool = True
    shared_subscriptions: bool = True
    receive_maximum: int = 65_535
    max_packet_bytes: int | None = None
    """None: no limit."""
    session_expiry_s: int | None = None
    """What it grants instead of what was asked for, if it does."""


def ask_broker(
    url: str, session_expiry_s: int, patience_s: float, tls: TlsFiles | None = None
) -> Broker:
    """Connect, hear what is granted, and leave. Raises OSError where nobody answers as a broker."""
    heard: queue.SimpleQueue[Broker] = queue.SimpleQueue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    _prepare(client, url, tls)
    client.connect_timeout = patience_s
    client.on_connect = lambda _client, _data, _flags, reason, granted: heard.put(
        Broker(refused=str(reason)) if reason.is_failure else _granted(granted)
    )
    wanted = Properties(PacketTypes.CONNECT)
    wanted.SessionExpiryInterval = session_expiry_s
    client.connect(*_address(url), properties=wanted)
    client.loop_start()
    try:
        return heard.get(timeout=patience_s)
    except queue.Empty:
        raise TimeoutError(f"no answer to an MQTT 5 CONNECT within {patience_s:.0f} s") from None
    finally:
        leave = Properties(PacketTypes.DISCONNECT)
        leave.SessionExpiryInterval = 0  # nothing shall remain of this visit
        client.disconnect(properties=leave)
        client.loop_stop()


def end_session(url: str, client_id: str, tls: TlsFiles, patience_s: float) -> None:
    """Take the session of `client_id`, as `tls` proves to be, and end it.

    A broker has one connection by a name, the newest (MQTT 5, 3.1.4): whoever else had it is
    disconnected, and its will spoken. OSError where the broker cannot be reached, or refuses.
    """
    told: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
    _prepare(client, url, tls)
    client.connect_timeout = patience_s
    client.on_connect = lambda _client, _data, _flags, reason, _granted: told.put(
        str(reason) if reason.is_failure else None
    )
    client.connect(*_address(url), clean_start=True)
    client.loop_start()
    try:
        if refused := told.get(timeout=patience_s):
            raise ConnectionRefusedError(refused)
    except queue.Empty:
        raise TimeoutError(f"no answer within {patience_s:.0f} s") from None
    finally:
        client.disconnect()
        client.loop_stop()


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or (8883 if parts.scheme == "mqtts" else 1883)


def _prepare(client: mqtt.Client, url: str, tls: TlsFiles | None) -> None:
    parts = urlsplit(url)
    if parts.username is not None:
        client.username_pw_set(parts.username, parts.password)
    if tls is not None:
        context = tls.context()
        client.tls_set_context(context)
        client.on_pre_connect = lambda *_: tls.show(context)


def _granted(properties: Properties) -> Broker:
    said = properties.json()
    return Broker(
        max_qos=said.get("MaximumQoS", 2),
        retain=bool(said.get("RetainAvailable", 1)),
        shared_subscriptions=bool(said.get("SharedSubscriptionAvailable", 1)),
        receive_maximum=said.get("ReceiveMaximum", 65_535),
        max_packet_bytes=said.get("MaximumPacketSize"),
        session_expiry_s=said.get("SessionExpiryInterval"),
    )
