"""Receivers of webhooks: real HTTP servers on this machine, reached as if they were elsewhere."""

import socket
import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

from cryptography.hazmat.primitives.serialization import Encoding

from fleet.dispatch.post import Network
from fleet.pki.authority import Authority, self_signed
from fleet.wire.requests import key_pem, new_key

ELSEWHERE = "93.184.216.34"
"""A public address: what the shipped rule lets through. Where it leads, `reached_at` says."""


class Heard(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = Callable[[BaseHTTPRequestHandler, Heard], None]


def with_status(status: int, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, _heard: Heard) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


@dataclass
class Receiver:
    """`heard`: everything that came. `answer` may be exchanged while it runs."""

    port: int
    heard: list[Heard] = field(default_factory=list)
    answer: Answer = field(default_factory=lambda: with_status(204))


@contextmanager
def receiver(answer: Answer | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard = Heard(self.path, dict(self.headers.items()), body)
            this.heard.append(heard)
            this.answer(self, heard)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    this = Receiver(server.server_address[1], answer=answer or with_status(204))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield this
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reached_at(
    ports: Mapping[str, int], tls: Callable[[], ssl.SSLContext] | None = None
) -> Network:
    """A network in which these hosts are public, and their address is a port of this machine.

    Only what becomes of a judged address is the test's; the judging is the shipped one.
    """
    addresses = {host: f"93.184.216.{n}" for n, host in enumerate(ports, 34)}
    by_address = {addresses[host]: port for host, port in ports.items()}

    def resolve(host: str, _port: int) -> list[str]:
        if host not in addresses:
            raise socket.gaierror(f"no {host}")
        return [addresses[host]]

    def dial(address: str, _port: int, timeout_s: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", by_address[address]), timeout_s)

    return Network(resolve, dial, tls or ssl.create_default_context)


class TlsReceiver(NamedTuple):
    receiver: Receiver
    trusting: Callable[[], ssl.SSLContext]

    @property
    def port(self) -> int:
        return self.receiver.port


@contextmanager
def tls_receiver(name: str) -> Iterator[TlsReceiver]:
    """With a certificate for this name, by an authority that only `trusting` knows."""
    key, own, now = new_key(), new_key(), datetime.now(UTC)
    authority = Authority(own, [self_signed(own, "of the hospital", now)])
    signed = authority.sign_server(key.public_key(), [name], now)
    with tempfile.TemporaryDirectory() as folder:
        pair, ca = Path(folder) / "pair.pem", Path(folder) / "ca.pem"
        pair.write_bytes(signed.public_bytes(Encoding.PEM) + key_pem(key))
        ca.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        with receiver(tls=context) as made:
            yield TlsReceiver(made, lambda: ssl.create_default_context(cafile=str(ca)))


@contextmanager
def slow_answer() -> Iterator[int]:
    """The port of one that answers letter by letter, and never comes to an end."""
    over = Event()

    def answer(listening: socket.socket) -> None:
        with suppress(OSError):
            connection, _ = listening.accept()
            with connection:
                while not over.wait(0.05):
                    connection.sendall(b"H")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=answer, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        over.set()
        thread.join()
