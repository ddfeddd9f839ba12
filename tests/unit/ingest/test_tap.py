"""The tap on a real pair of sockets: the other end is the broker."""

import socket
from collections.abc import Iterator
from threading import Thread

import pytest

from fleet.ingest.tap import Tap
from fleet.wire.packets import Publish, publish

PONG = b"\xd0\x00"


class Ends:
    def __init__(self) -> None:
        self.broker, inner = socket.socketpair()
        inner.setblocking(False)
        self.said: list[Publish] = []
        self.tap = Tap(inner, lambda _tap, said: self.said.extend(said))


@pytest.fixture
def ends() -> Iterator[Ends]:
    both = Ends()
    yield both
    both.broker.close()
    both.tap.close()


def test_what_devices_publish_runs_off_and_the_rest_goes_on_to_paho(ends: Ends) -> None:
    ends.broker.sendall(publish("a", b"1") + PONG + publish("a", b"2"))
    assert ends.tap.recv(1) == PONG[:1]
    assert ends.tap.pending() == 1
    assert ends.tap.recv(100) == PONG[1:]
    assert [said.payload for said in ends.said] == [b"1", b"2"]


def test_half_a_message_waits_for_its_other_half(ends: Ends) -> None:
    whole = publish("a", bytes(1_000))
    ends.broker.sendall(whole[:300])
    with pytest.raises(BlockingIOError):
        ends.tap.recv(1)
    assert not ends.said
    ends.broker.sendall(whole[300:])
    with pytest.raises(BlockingIOError):
        ends.tap.recv(1)
    assert [len(said.payload) for said in ends.said] == [1_000]


def test_a_broker_that_hangs_up_is_noticed(ends: Ends) -> None:
    ends.broker.close()
    assert ends.tap.recv(1) == b""


def test_a_broker_that_talks_nonsense_is_hung_up_on(ends: Ends) -> None:
    ends.broker.sendall(b"\x30\xff\xff\xff\xff\xff")
    with pytest.raises(ConnectionError, match="no MQTT"):
        ends.tap.recv(1)


def test_packets_of_two_threads_are_never_mixed_however_slowly_the_broker_reads(
    ends: Ends,
) -> None:
    packets = [publish("a", letter * 50_000) for letter in (b"x", b"y")]
    threads = [
        Thread(target=lambda packet=packet: [ends.tap.write(packet) for _ in range(20)])
        for packet in packets
    ]
    for thread in threads:
        thread.start()
    size, got = len(packets[0]), bytearray()
    while len(got) < 40 * size:
        got += ends.broker.recv(65_536)
    for thread in threads:
        thread.join()
    written = [bytes(got[at : at + size]) for at in range(0, len(got), size)]
    assert sorted(written) == sorted(packets * 20)
