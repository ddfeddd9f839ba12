"""A tap on paho's socket: what devices publish runs off into the batch, the rest goes on to paho.

paho keeps what it is good at: connecting, TLS, keep-alive, subscribing, coming back. What it does
for each message (a select, three reads, seven objects) took more time than all the rules together.
"""

import select
import socket
import ssl
from collections.abc import Callable, Sequence
from threading import Lock

from fleet.wire.packets import MalformedPacket, Publish, is_publish, parse_publish, split

READ_BYTES = 262_144
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
PATIENCE_S = 20.0
"""A broker that takes nothing for this long is gone."""


class Tap:
    """Looks like a socket to paho, which reads and writes in one thread; `write` is for others."""

    def __init__(
        self, inner: socket.socket, on_publish: Callable[["Tap", Sequence[Publish]], None]
    ) -> None:
        self._inner = inner
        self._on_publish = on_publish
        self._rest = b""
        self._for_paho = bytearray()
        self._one_call = Lock()
        """A TLS socket takes one call at a time."""
        self._one_packet = Lock()
        """And a packet is written whole before the next."""

    def recv(self, size: int) -> bytes:
        """What paho reads: any packet but PUBLISH. Raises BlockingIOError where there is none."""
        if not self._for_paho:
            with self._one_call:
                arrived = self._inner.recv(READ_BYTES)
            if not arrived:
                return b""
            self._sort(self._rest + arrived)
        if not self._for_paho:
            raise BlockingIOError
        data = bytes(self._for_paho[:size])
        del self._for_paho[:size]
        return data

    def pending(self) -> int:
        """Bytes that paho may read without waiting for the socket."""
        inner = getattr(self._inner, "pending", None)
        return len(self._for_paho) + (inner() if inner else 0)

    def send(self, data: bytes) -> int:
        """What paho writes."""
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        """Whole packets, whole. Waits where the broker is slower than we are; raises OSError."""
        with self._one_packet:
            left = memoryview(data)
            while left:
                try:
                    with self._one_call:
                        sent = self._inner.send(left)
                except _NOT_NOW:
                    if not select.select([], [self._inner], [], PATIENCE_S)[1]:
                        raise TimeoutError("the broker takes nothing") from None
                    continue
                left = left[sent:]

    def fileno(self) -> int:
        return self._inner.fileno()

    def setblocking(self, blocking: bool) -> None:
        self._inner.setblocking(blocking)

    def close(self) -> None:
        self._inner.close()

    def _sort(self, data: bytes) -> None:
        try:
            packets, end = split(data)
            said = []
            for begin, body, packet_end in packets:
                if is_publish(data[begin]):
                    said.append(parse_publish(data, begin, body, packet_end))
                else:
                    self._for_paho += data[begin:packet_end]
        except (MalformedPacket, IndexError) as error:
            raise ConnectionError(f"the broker sent what is no MQTT: {error}") from error
        self._rest = data[end:]
        if said:
            self._on_publish(self, said)
