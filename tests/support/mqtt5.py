"""As much of MQTT 5 as a device needs, in bytes: for thousands of connections in one process.

Section numbers are those of the OASIS standard of 2019.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, DISCONNECT = 0x20, 0x30, 0x40, 0xE0
PING = b"\xc0\x00"
_SESSION_EXPIRY, _WILL_DELAY = b"\x11", b"\x18"


class Packet(NamedTuple):
    """One packet as received: its type, the flags beside it, and what follows the length."""

    kind: int
    flags: int
    body: bytes


class Will(NamedTuple):
    topic: str
    payload: bytes
    delay_s: int


def connect(client_id: str, will: Will, session_expiry_s: int, keep_alive_s: int) -> bytes:
    """3.1: no clean start; a will of QoS 1, retained."""
    flags = 0x04 | 0x08 | 0x20
    head = b"\x00\x04MQTT\x05" + struct.pack("!BH", flags, keep_alive_s)
    properties = _sized(_SESSION_EXPIRY + struct.pack("!I", session_expiry_s))
    will_properties = _sized(_WILL_DELAY + struct.pack("!I", will.delay_s))
    last_words = will_properties + _text(will.topic) + _binary(will.payload)
    return _packet(0x10, head + properties + _text(client_id) + last_words)


def subscribe(packet_id: int, topic_filter: str) -> bytes:
    """3.8, at QoS 1."""
    return _packet(0x82, struct.pack("!HB", packet_id, 0) + _text(topic_filter) + b"\x01")


def publish(packet_id: int, topic: str, payload: bytes, retain: bool = False) -> bytes:
    """3.3, at QoS 1."""
    head = _text(topic) + struct.pack("!HB", packet_id, 0)
    return _packet(PUBLISH | 0x02 | retain, head + payload)


def puback(packet_id: int) -> bytes:
    return _packet(PUBACK, struct.pack("!H", packet_id))


def is_accepted(connack: Packet) -> bool:
    return connack.body[1] == 0


def published(packet: Packet) -> tuple[str, bytes, int | None]:
    """Topic, payload, and the packet id that a PUBACK must name; None at QoS 0."""
    length = int.from_bytes(packet.body[:2])
    topic, at = packet.body[2 : 2 + length].decode(), 2 + length
    packet_id = None
    if packet.flags & 0x06:
        packet_id = int.from_bytes(packet.body[at : at + 2])
        at += 2
    properties, at = _read_length(packet.body, at) or (0, at)
    return topic, packet.body[at + properties :], packet_id


def packets(buffer: bytearray) -> Iterator[Packet]:
    """The whole packets in the buffer, which they leave."""
    while len(buffer) >= 2 and (found := _read_length(buffer, 1)):
        length, at = found
        if len(buffer) < at + length:
            return
        yield Packet(buffer[0] & 0xF0, buffer[0] & 0x0F, bytes(buffer[at : at + length]))
        del buffer[: at + length]


def _read_length(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """1.5.5: the number, and where it ends; None where its end has not come yet."""
    value = shift = 0
    while at < len(data):
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at
    return None


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first]) + _sized(body)


def _sized(body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(digits) + body


def _text(text: str) -> bytes:
    return _binary(text.encode())


def _binary(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data
