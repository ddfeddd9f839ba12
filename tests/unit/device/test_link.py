"""What the link asks of a broker, read off the wire: brokers differ in what they forgive."""

import socket
from collections.abc import Iterator

import pytest

from fleet.device.link import Lost, MqttLink

CLEAN_START, WILL, WILL_RETAIN = 0x02, 0x04, 0x20
SESSION_EXPIRY, WILL_DELAY = b"\x11", b"\x18"


@pytest.fixture
def broker() -> Iterator[socket.socket]:
    """A listening socket that answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


@pytest.fixture
def link(broker: socket.socket) -> Iterator[MqttLink]:
    port = broker.getsockname()[1]
    link = MqttLink("cart-001", f"mqtt://127.0.0.1:{port}", "up/state", will_delay_s=60)
    yield link
    link.drop()


def connect_packet(broker: socket.socket, link: MqttLink) -> bytes:
    link.open(will=b"gone")
    peer, _ = broker.accept()
    with peer:
        return peer.recv(1000)


def test_the_session_is_taken_up_again_and_outlives_the_wait_of_the_will(
    broker: socket.socket, link: MqttLink
) -> None:
    packet = connect_packet(broker, link)
    assert packet[4:8] == b"MQTT"
    flags = packet[9]
    assert not flags & CLEAN_START
    assert SESSION_EXPIRY + (120).to_bytes(4, "big") in packet


def test_the_will_is_retained_at_least_once_and_delayed(
    broker: socket.socket, link: MqttLink
) -> None:
    packet = connect_packet(broker, link)
    flags = packet[9]
    assert flags & WILL
    assert flags & WILL_RETAIN
    assert (flags >> 3) & 0x03 == 1
    assert WILL_DELAY + (60).to_bytes(4, "big") in packet
    assert b"up/state" in packet
    assert packet.endswith(b"gone")


def test_a_broker_that_is_not_there_is_an_os_error(broker: socket.socket, link: MqttLink) -> None:
    broker.close()
    with pytest.raises(OSError, match="refused"):
        link.open(will=b"gone")
    assert link.socket is None


def test_a_broker_that_hangs_up_is_told_as_a_loss(broker: socket.socket, link: MqttLink) -> None:
    connect_packet(broker, link)
    link.read()
    (lost,) = link.take_events()
    assert isinstance(lost, Lost)
    assert link.socket is None
    assert not link.is_connected


def test_to_hang_up_without_goodbye_sends_none(broker: socket.socket, link: MqttLink) -> None:
    link.open(will=b"gone")
    peer, _ = broker.accept()
    with peer:
        peer.settimeout(5)
        peer.recv(1000)
        link.drop()
        assert peer.recv(1000) == b""
    assert [type(event) for event in link.take_events()] == [Lost]


def test_a_message_on_a_link_that_is_down_is_lost_without_complaint(link: MqttLink) -> None:
    link.publish("up/telemetry", b"{}")
    link.keep_alive()
    link.close()
    assert link.take_events() == []
