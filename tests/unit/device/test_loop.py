"""One thread serves many: sockets when they move, members when they are due."""

import socket
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from fleet.device.link import parse_url
from fleet.device.loop import Loop


class PipeWire:
    """A wire over a socket pair; `other` is the far end."""

    def __init__(self) -> None:
        self.socket: socket.socket | None
        self.socket, self.other = socket.socketpair()
        self.wants_write = False
        self.heard = b""
        self.fails = False

    def read(self) -> None:
        assert self.socket is not None
        self.heard += self.socket.recv(100)
        if self.fails:
            raise RuntimeError("torn packet")

    def write(self) -> None:
        assert self.socket is not None
        self.socket.send(b"out")
        self.wants_write = False

    def drop(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class Member:
    def __init__(self, act: Callable[[float], float]) -> None:
        self.tick = act


@pytest.fixture
def wire() -> Iterator[PipeWire]:
    wire = PipeWire()
    yield wire
    wire.drop()
    wire.other.close()


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def test_members_act_in_the_order_they_are_due(loop: Loop, wire: PipeWire) -> None:
    acted: list[str] = []
    stop = Event()

    def act(name: str) -> Member:
        def tick(now: float) -> float:
            acted.append(name)
            if len(acted) == 3:
                stop.set()
            return now + 1000

        return Member(tick)

    nothing = PipeWire()
    nothing.drop()
    for name, due in (("second", 2.0), ("first", 1.0), ("third", 3.0)):
        loop.add(act(name), nothing, due)
    loop.run(stop)
    assert acted == ["first", "second", "third"]
    nothing.other.close()


def test_a_member_acts_when_its_wire_has_moved(loop: Loop, wire: PipeWire) -> None:
    stop = Event()
    calls = []

    def tick(now: float) -> float:
        calls.append(wire.heard)
        if len(calls) == 1:
            wire.other.send(b"hello")
        else:
            stop.set()
        return now + 1000

    loop.add(Member(tick), wire, 0.0)
    loop.run(stop)
    assert calls == [b"", b"hello"]


def test_what_could_not_be_sent_is_sent_when_the_socket_is_ready(
    loop: Loop, wire: PipeWire
) -> None:
    stop = Event()
    wire.wants_write = True

    def tick(now: float) -> float:
        if not wire.wants_write:
            stop.set()
        return now + 1000

    loop.add(Member(tick), wire, 0.0)
    loop.run(stop)
    assert wire.other.recv(10) == b"out"


def test_a_member_that_fails_is_called_again_and_harms_no_other(
    loop: Loop, wire: PipeWire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("fleet.device.loop.AFTER_FAILURE_S", 0.01)
    stop = Event()
    failures, successes = [], []

    def fail(now: float) -> float:
        failures.append(now)
        raise RuntimeError("out of order")

    def succeed(now: float) -> float:
        successes.append(now)
        if len(failures) >= 2:
            stop.set()
        return now + 0.01

    nothing = PipeWire()
    nothing.drop()
    loop.add(Member(fail), nothing, 0.0)
    loop.add(Member(succeed), wire, 0.0)
    loop.run(stop)
    assert successes
    assert "out of order" in caplog.text
    nothing.other.close()


def test_a_wire_that_fails_is_hung_up(
    loop: Loop, wire: PipeWire, caplog: pytest.LogCaptureFixture
) -> None:
    stop = Event()
    wire.fails = True

    def tick(now: float) -> float:
        if wire.socket is None:
            stop.set()
        else:
            wire.other.send(b"x")
        return now + 1000

    loop.add(Member(tick), wire, 0.0)
    loop.run(stop)
    assert "torn packet" in caplog.text


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("mqtt://broker:1884", ("broker", 1884, False)),
        ("mqtt://127.0.0.1", ("127.0.0.1", 1883, False)),
        ("mqtts://broker", ("broker", 8883, True)),
    ],
)
def test_an_address_names_host_and_port(url: str, where: tuple[str, int, bool]) -> None:
    assert parse_url(url) == where


@pytest.mark.parametrize("url", ["broker:1883", "http://broker", "mqtt://", "mqtt://b:x", ""])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"mqtt://host:port|[Pp]ort"):
        parse_url(url)
