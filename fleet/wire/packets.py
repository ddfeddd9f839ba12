"""The few MQTT 5 packets that pass thousands of times a second (OASIS MQTT 5.0, section 3).

A client library makes an object of each; here they are cut out of the bytes and joined to bytes.
"""

from collections.abc import Iterable
from typing import NamedTuple

PUBLISH = 0x30
_PUBACK = 0x40
_TYPE = 0xF0
_LONGEST_LENGTH = 4


class MalformedPacket(ValueError):
    """Bytes that are no MQTT packet: the connection cannot be read on."""


class Publish(NamedTuple):
    """`mid` is the packet identifier, 0 at QoS 0."""

    topic: bytes
    payload: bytes
    mid: int
    qos: int
    retain: bool


def split(data: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """The complete packets in `data`, each as (begin, begin of its body, end); and where they end.

    Raises MalformedPacket where a length is none.
    """
    found: list[tuple[int, int, int]] = []
    begin, size = 0, len(data)
    while begin + 1 < size:
        body, length = begin + 2, data[begin + 1]
        if length > 127:
            whole = _long_length(data, begin + 1)
            if whole is None:
                break
            length, body = whole
        if body + length > size:
            break
        found.append((begin, body, body + length))
        begin = body + length
    return found, begin


def _long_length(data: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None if more of it has to come."""
    length = 0
    for place in range(_LONGEST_LENGTH):
        if at + place >= len(data):
            return None
        digit = data[at + place]
        length |= (digit & 0x7F) << (7 * place)
        if digit < 0x80:
            return length, at + place + 1
    raise MalformedPacket("a length of more than four bytes")


def is_publish(first: int) -> bool:
    return first & _TYPE == PUBLISH


def parse_publish(data: bytes, begin: int, body: int, end: int) -> Publish:
    """The PUBLISH at this place of `data`; its properties are passed over."""
    flags = data[begin]
    qos = flags >> 1 & 3
    topic_end = body + 2 + (data[body] << 8 | data[body + 1])
    at, mid = topic_end, 0
    if qos:
        mid = data[at] << 8 | data[at + 1]
        at += 2
    length, at = (data[at], at + 1) if data[at] < 0x80 else _long_length(data, at) or (0, end)
    if at + length > end:
        raise MalformedPacket("a PUBLISH that is shorter than it says")
    return Publish(data[body + 2 : topic_end], data[at + length : end], mid, qos, bool(flags & 1))


def pubacks(mids: Iterable[int]) -> bytes:
    """PUBACKs, in this order."""
    return b"".join(b"\x40\x02" + mid.to_bytes(2, "big") for mid in mids)


def publish(topic: str, payload: bytes) -> bytes:
    """A PUBLISH at QoS 0 without properties."""
    name = topic.encode()
    length = 2 + len(name) + 1 + len(payload)
    return b"".join(
        (b"\x30", _variable(length), len(name).to_bytes(2, "big"), name, b"\x00", payload)
    )


def _variable(value: int) -> bytes:
    digits = bytearray()
    while True:
        value, digit = divmod(value, 128)
        digits.append(digit | 0x80 if value else digit)
        if not value:
            return bytes(digits)
