"""The device's one MQTT 5 connection: the only file of the device side that knows paho.

No thread: `fleet.device.loop` calls `read` and `write` when the socket is ready, and whoever owns
the link collects what happened with `take_events`. An exception can therefore not kill a network
thread unseen, and hundreds of links cost no more than their traffic.
"""

import logging
import select
import socket
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fleet.wire.tls import TlsFiles

log = logging.getLogger(__name__)

WILL_DELAY_S = 60
KEEP_ALIVE_S = 30
FLUSH_MS = 2_000
_PORTS = {"mqtt": 1883, "mqtts": 8883}
NO_MATCHING_SUBSCRIBERS = 0x10
"""MQTT 5, 3.4.2.1: a PUBACK may say so. Not every broker does."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker has accepted the connection."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is gone, or was refused."""

    reason: str


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Unheard:
    """The broker has taken what we said on `topic`, and knows nobody who listens to it."""

    topic: str


Event = Connected | Lost | Message | Unheard


class Link(Protocol):
    """What an agent needs of its connection."""

    @property
    def is_connected(self) -> bool: ...

    def open(self, will: bytes) -> None:
        """Begin to connect. OSError where the broker cannot be reached."""

    def subscribe(self, topic_filter: str) -> None: ...

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None: ...

    def take_events(self) -> list[Event]:
        """What happened since the last call, in order."""

    def keep_alive(self) -> None:
        """To be called now and then: pings, and notices a broker that no longer answers."""

    def close(self) -> None:
        """Send what is waiting, say goodbye (which cancels the will), and hang up."""


class MqttLink:
    """A link to `mqtts://host:port`, with the will on `will_topic`.

    `tls`: whom to trust and what to show. `mqtt://` is plain text, for a broker on this machine.
    """

    def __init__(
        self,
        client_id: str,
        url: str,
        will_topic: str,
        *,
        will_delay_s: int = WILL_DELAY_S,
        tls: TlsFiles | None = None,
    ) -> None:
        self._client_id = client_id
        self._host, self._port, is_safe = parse_url(url)
        if is_safe and tls is None:
            raise ValueError(f"{url}: needs a certificate: see `fleet agent enrol`")
        self._tls = tls if is_safe else None
        self._will_topic = will_topic
        self._will_delay_s = will_delay_s
        self._client: Client | None = None
        self._events: list[Event] = []
        self._on_the_way: dict[int, str] = {}
        """Packet number -> topic of what the broker has not confirmed."""

    @property
    def socket(self) -> socket.socket | None:
        return self._client.socket() if self._client else None  # type: ignore[return-value]  # paho: Any

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected()

    @property
    def wants_write(self) -> bool:
        return self._client is not None and self._client.want_write()

    def open(self, will: bytes) -> None:
        """Begin to connect: a new client each time, so that nothing of the last session is left.

        The session outlives the connection longer than the will waits, and is taken up again (no
        clean start): by the standard, a will is spoken without delay when its session ends, and a
        clean start ends it. Mosquitto 2.0.11 is lenient there; other brokers are not.
        """
        self.drop()
        self._events.clear()
        self._on_the_way.clear()
        client = Client(
            CallbackAPIVersion.VERSION2, self._client_id, protocol=MQTTProtocolVersion.MQTTv5
        )
        if self._tls is not None:
            client.tls_set_context(self._tls.context())
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        will_properties = Properties(PacketTypes.WILLMESSAGE)
        will_properties.WillDelayInterval = self._will_delay_s
        client.will_set(self._will_topic, will, qos=1, retain=True, properties=will_properties)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 2 * self._will_delay_s
        client.connect(
            self._host, self._port, KEEP_ALIVE_S, clean_start=False, properties=properties
        )
        self._client = client

    def subscribe(self, topic_filter: str) -> None:
        if self._client is not None:
            self._client.subscribe(topic_filter, qos=1)

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """QoS 1. On a link that is down it is lost: what matters is in the journal."""
        if self._client is not None:
            sent = self._client.publish(topic, payload, qos=1, retain=retain)
            self._on_the_way[sent.mid] = topic

    def take_events(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def read(self) -> None:
        """What TLS has decrypted already, no poll will tell of: read until that is empty."""
        while self._client is not None:
            self._client.loop_read()
            pending = getattr(self.socket, "pending", None)
            if pending is None or not pending():
                return

    def write(self) -> None:
        if self._client is not None:
            self._client.loop_write()

    def keep_alive(self) -> None:
        if self._client is not None:
            self._client.loop_misc()

    def close(self) -> None:
        if self._client is None:
            return
        self._client.disconnect()
        poller = select.poll()
        while (sock := self.socket) is not None and self.wants_write:
            poller.register(sock.fileno(), select.POLLOUT)
            if not poller.poll(FLUSH_MS):
                break
            self.write()
        self.drop()

    def drop(self) -> None:
        """Hang up without a goodbye, as a power cut does: the broker will speak the will."""
        sock, self._client = self.socket, None
        if sock is not None:
            sock.close()
            self._events.append(Lost("hung up"))

    def _on_connect(
        self,
        client: Client,
        userdata: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            log.warning("%s: the broker refuses: %s", self._client_id, reason)
        else:
            self._events.append(Connected())

    def _on_disconnect(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self._events.append(Lost(str(reason)))

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        try:
            self._events.append(Message(message.topic, bytes(message.payload)))
        except UnicodeDecodeError:
            log.warning("%s: a topic that is not UTF-8", self._client_id)

    def _on_publish(
        self,
        client: Client,
        userdata: Any,
        number: int,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        topic = self._on_the_way.pop(number, "")
        if reason.value == NO_MATCHING_SUBSCRIBERS:
            self._events.append(Unheard(topic))


def parse_url(url: str) -> tuple[str, int, bool]:
    """Host, port and whether it is TLS, of `mqtts://host[:port]`; ValueError for anything else."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"not an address of the form mqtts://host:port: {url!r}")
    return parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "mqtts"
