"""Receivers of webhooks: real HTTP servers on this machine, reached as if they were elsewhere."""

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

from fleet.dispatch.post import Network

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
