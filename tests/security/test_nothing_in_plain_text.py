"""Control 5: what is reached from elsewhere speaks TLS and nothing else."""

import os
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import psutil
import pytest

from fleet.config import Settings
from fleet.up import _is_ready
from tests.support.processes import free_port, start, stop
from tests.support.waiting import wait_until

PATIENCE_S = 5.0
MQTT_CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x1e\x00\x01a"


@pytest.fixture
def reachable(tmp_path: Path) -> Iterator[psutil.Process]:
    """`fleet up` on every address of this machine."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")}
    environ |= {
        "FLEET_DATA_DIR": str(tmp_path / "data"),
        "FLEET_HTTP_HOST": "0.0.0.0",
        "FLEET_DEVICE_HOST": "0.0.0.0",
        "FLEET_HTTP_PORT": str(free_port()),
        "FLEET_MQTT_PORT": str(free_port()),
        "FLEET_EST_PORT": str(free_port()),
    }
    process = start([sys.executable, "-m", "fleet.cli", "up"], env=environ)
    settings = Settings.from_env(environ)
    wait_until(lambda: _is_ready(settings), timeout=60, interval=0.2, what="the service")
    yield psutil.Process(process.pid)
    process.send_signal(signal.SIGINT)
    stop(process, timeout=30)


def test_control_05_whatever_listens_off_the_host_speaks_tls_alone(
    reachable: psutil.Process,
) -> None:
    ports = open_ports(reachable)
    assert len(ports) >= 2
    for port in ports:
        assert speaks_tls(port), port
        for greeting in (b"GET / HTTP/1.0\r\n\r\n", MQTT_CONNECT):
            assert not answers_plainly(port, greeting), port


def open_ports(service: psutil.Process) -> set[int]:
    """Where its processes listen on more than loopback."""
    family = [service, *service.children(recursive=True)]
    return {
        connection.laddr.port
        for process in family
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
        and not ip_address(connection.laddr.ip).is_loopback
    }


def speaks_tls(port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        suppress(ssl.SSLError),
        socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain,
        context.wrap_socket(plain) as safe,
    ):
        return safe.version() in ("TLSv1.2", "TLSv1.3")
    return False


def answers_plainly(port: int, greeting: bytes) -> bool:
    """Anything but silence, a reset or a TLS alert (which begins with 21)."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as plain:
        plain.sendall(greeting)
        try:
            return plain.recv(1024)[:1] not in (b"", b"\x15")
        except OSError:
            return False
