"""One raw MQTT connection of many that a single thread looks after, in plain text or over TLS."""

import errno
import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from tests.support import mqtt5

Secure = Callable[[str], ssl.SSLContext]
"""What a device shows the broker."""
_NO_LINGER = struct.pack("ii", 1, 0)
"""Close with a reset: as a machine whose power is gone, nothing is said."""


class Poll(Protocol):
    """Whoever waits for all sockets at once, and calls `moved`."""

    def watch(self, line: "RawLine", file: int, writing: bool) -> None: ...

    def forget(self, file: int) -> None: ...


class RawLine:
    """To a broker on this machine. `take` gets each packet; `lost` is called where it breaks.

    `take` raises OSError where it wants the connection to end.
    """

    def __init__(
        self,
        name: str,
        port: int,
        secure: Secure | None,
        poll: Poll,
        take: Callable[[mqtt5.Packet], None],
        lost: Callable[[], None],
    ) -> None:
        self._name, self._port, self._secure, self._poll = name, port, secure, poll
        self._take, self._lost = take, lost
        self._socket: socket.socket | None = None
        self._received, self._unsent = bytearray(), bytearray()
        self._is_writing = self._is_safe = False

    def open(self, hello: bytes) -> None:
        self.close()
        self._received, self._unsent = bytearray(), bytearray(hello)
        self._socket = socket.socket()
        self._is_safe = self._secure is None
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        if self._socket.connect_ex(("127.0.0.1", self._port)) not in (0, errno.EINPROGRESS):
            self._lost()
            return
        self._is_writing = True
        self._watch(writing=True)

    def close(self) -> None:
        if self._socket:
            self._poll.forget(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def send(self, packet: bytes) -> None:
        self._unsent += packet
        self._write()

    def moved(self, events: int) -> None:
        """Its socket can be read or written, or is broken."""
        try:
            if not (self._is_safe or self._shake_hands()):
                return
            if events & select.EPOLLOUT:
                self._write()
            if events & ~select.EPOLLOUT:
                self._read()
        except OSError:
            self._lost()

    def _shake_hands(self) -> bool:
        """One step further; whether it is done."""
        assert self._socket
        assert self._secure
        if not isinstance(self._socket, ssl.SSLSocket):
            self._socket = self._secure(self._name).wrap_socket(
                self._socket, do_handshake_on_connect=False, server_hostname="127.0.0.1"
            )
        try:
            self._socket.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(writing=False)
        except ssl.SSLWantWriteError:
            self._watch(writing=True)
        else:
            self._is_safe = True
            self._write()
        return self._is_safe

    def _read(self) -> None:
        assert self._socket
        with suppress(ssl.SSLWantReadError):  # the broker's own talk about the connection
            while True:
                data = self._socket.recv(65_536)
                if not data:
                    raise ConnectionResetError
                self._received += data
                if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
                    break
        for packet in mqtt5.packets(self._received):
            self._take(packet)

    def _write(self) -> None:
        assert self._socket
        with suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        if self._is_writing != bool(self._unsent):
            self._is_writing = bool(self._unsent)
            self._watch(self._is_writing)

    def _watch(self, writing: bool) -> None:
        assert self._socket
        self._poll.watch(self, self._socket.fileno(), writing)
