"""One HTTP POST to an address that somebody has entered: to just the address that was judged.

The name is asked for once; each address it has is judged (`domain.webhooks.addresses`), and the
connection is made to one of those, while the certificate must be that of the name. So a name that
means something else a moment later leads nowhere. `http.client` follows no redirect and knows no
proxy.
"""

import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Event, Timer

from fleet.domain.webhooks.addresses import Allowed, Target, problem_among

PATIENCE_S = 10.0
"""For all of it, from the connection to the answer's head; Standard Webhooks asks for 15 to 30 of a
receiver that is slow, and a pager's is not."""
MOST_READ = 4096
"""Of an answer whose words matter to nobody."""
MOST_ADDRESSES = 3


def resolve(host: str, port: int) -> list[str]:
    """Every address of this name, in the order in which to try them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def dial(address: str, port: int, timeout_s: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout_s)


@dataclass(frozen=True, slots=True)
class Network:
    """How names become addresses, and addresses connections."""

    resolve: Callable[[str, int], Sequence[str]] = resolve
    dial: Callable[[str, int, float], socket.socket] = dial
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context


def post(
    target: Target,
    headers: dict[str, str],
    body: bytes,
    allowed: Allowed,
    network: Network,
    patience_s: float = PATIENCE_S,
) -> str | None:
    """None where it was taken (an answer 2xx), else why it was not, in words for IT."""
    try:
        addresses = network.resolve(target.host, target.port)
    except (OSError, UnicodeError):
        return f"there is no host {target.host}"
    if problem := problem_among(addresses, target.host, allowed):
        return problem
    try:
        with _within(_connection(target, addresses, network, patience_s), patience_s) as plain:
            return _ask(plain, target, headers, body, network)
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not good for {target.host}: {error.verify_message}"
    except TimeoutError:
        return f"no answer within {patience_s:.0f} s"
    except (OSError, HTTPException) as error:
        return f"cannot be reached: {type(error).__name__}: {error}"[:256]


def _connection(
    target: Target, addresses: Sequence[str], network: Network, patience_s: float
) -> socket.socket:
    failed: OSError = ConnectionError("no address")
    share = patience_s / min(max(len(addresses), 1), MOST_ADDRESSES)
    for address in addresses[:MOST_ADDRESSES]:
        try:
            return network.dial(address, target.port, share)
        except OSError as error:
            failed = error
    raise failed


@contextmanager
def _within(plain: socket.socket, patience_s: float) -> Iterator[socket.socket]:
    """The whole talk ends by then, even if its answer comes letter by letter.

    Over a second handle of the connection, which TLS does not take over.
    """
    handle = plain.dup()
    plain.settimeout(patience_s)
    hung_up = Event()
    timer = Timer(patience_s, lambda: _hang_up(handle, hung_up))
    timer.daemon = True
    timer.start()
    try:
        yield plain
    except (OSError, HTTPException) as error:
        if hung_up.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
        plain.close()
        with suppress(OSError):
            handle.close()


def _hang_up(handle: socket.socket, hung_up: Event) -> None:
    hung_up.set()
    with suppress(OSError):
        handle.shutdown(socket.SHUT_RDWR)


def _ask(
    plain: socket.socket, target: Target, headers: dict[str, str], body: bytes, network: Network
) -> str | None:
    connection: HTTPConnection
    if target.tls:
        context = network.tls()
        connection = HTTPSConnection(target.host, target.port, context=context)
        connection.sock = context.wrap_socket(plain, server_hostname=target.host)
    else:
        connection = HTTPConnection(target.host, target.port)
        connection.sock = plain
    try:
        connection.request("POST", target.path, body, headers)
        answer = connection.getresponse()
        answer.read(MOST_READ)
    finally:
        connection.close()
    if 200 <= answer.status < 300:
        return None
    redirected = ", and redirects are not followed" if 300 <= answer.status < 400 else ""
    return f"answered {answer.status}{redirected}"
