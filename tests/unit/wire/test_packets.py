import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.wire.packets import (
    MalformedPacket,
    Publish,
    is_publish,
    parse_publish,
    pubacks,
    publish,
    split,
)

PAYLOADS = st.binary(max_size=300) | st.integers(100, 20_000).map(bytes)


def said_at_qos_1(topic: bytes, payload: bytes, mid: int, properties: bytes = b"") -> bytes:
    body = len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big")
    body += bytes([len(properties)]) + properties + payload
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return b"\x33" + bytes(digits) + body


def parsed(data: bytes) -> list[Publish]:
    packets, _ = split(data)
    return [parse_publish(data, *place) for place in packets if is_publish(data[place[0]])]


@given(st.lists(st.tuples(PAYLOADS, st.integers(1, 65_535)), max_size=5), st.data())
def test_packets_are_found_however_the_bytes_are_cut(
    said: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    stream = b"".join(said_at_qos_1(b"fleet/v1/up/a/b", p, mid, b"\x23\x00\x05") for p, mid in said)
    cut = data.draw(st.integers(0, len(stream)))
    first, end = split(stream[:cut])
    found = parsed(stream[:cut]) + parsed(stream[end:])
    assert [(p.payload, p.mid) for p in found] == said
    assert {(p.topic, p.qos, p.retain) for p in found} <= {(b"fleet/v1/up/a/b", 1, True)}
    assert len(first) <= len(said)


@given(PAYLOADS)
def test_what_is_published_is_what_is_parsed(payload: bytes) -> None:
    assert parsed(publish("fleet/v1/down/a/ack", payload)) == [
        Publish(b"fleet/v1/down/a/ack", payload, 0, 0, False)
    ]


def test_packets_that_are_none_of_ours_are_left_alone() -> None:
    pong = b"\xd0\x00"
    packets, end = split(pong + publish("t", b"x") + pong)
    assert [is_publish(each) for each in (0xD0, 0x30, 0x3B)] == [False, True, True]
    assert (len(packets), end) == (3, 2 + len(publish("t", b"x")) + 2)


def test_a_length_that_never_ends_is_refused() -> None:
    with pytest.raises(MalformedPacket):
        split(b"\x30\xff\xff\xff\xff\xff\xff")


def test_a_publish_whose_properties_are_longer_than_itself_is_refused() -> None:
    bad = b"\x32\x06\x00\x01t\x00\x01\x20"
    with pytest.raises(MalformedPacket):
        parsed(bad)


def test_pubacks_keep_their_order() -> None:
    assert pubacks([1, 258]) == b"\x40\x02\x00\x01\x40\x02\x01\x02"
