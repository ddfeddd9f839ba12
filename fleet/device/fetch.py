"""A file over HTTP, part by part: what has come stays, whatever happens to the connection."""

import http.client
import re
import ssl
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

TIMEOUT_S = 15.0
PART_BYTES = 256 * 1024
BASE = "/api/v1/firmware/"
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class FetchFailed(OSError):
    """Nothing that could be used came; to be tried again later."""


@dataclass(frozen=True, slots=True)
class Part:
    """`total`: length of the whole file, as the server says."""

    offset: int
    data: bytes
    total: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file, known by its ETag."""

    url: str
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)


def source_of(server: str, uri: str, sha256: str, authorization: str) -> Source:
    """`uri` of a manifest, seen from the service at `server`. Raises ValueError.

    Only the service itself is shown the direction.
    """
    url = urljoin(server.rstrip("/") + BASE, uri)
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"not an address of the form http://host: {url!r}")
    is_ours = urlsplit(url)[:2] == urlsplit(server)[:2]
    return Source(url, f'"{sha256}"', {"Authorization": authorization} if is_ours else {})


class Fetcher:
    """Asks for parts in threads of `executor`, so that the agent goes on meanwhile.

    `ca`: the installation's authority (PEM), which may vouch for a server of HTTPS as well.
    """

    def __init__(self, executor: Executor, ca: bytes | None = None) -> None:
        self._executor = executor
        self._context = ssl.create_default_context()
        if ca is not None:
            self._context.load_verify_locations(cadata=ca.decode())

    def part(self, source: Source, offset: int, size: int = PART_BYTES) -> "Future[Part]":
        return self._executor.submit(fetch, source, offset, size, self._context)


def fetch(source: Source, offset: int, size: int, context: ssl.SSLContext | None = None) -> Part:
    """The bytes from `offset`, at most `size`. Raises FetchFailed."""
    parts = urlsplit(source.url)
    address = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(*address, timeout=TIMEOUT_S, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
    )
    asked = {
        **source.headers,
        "Range": f"bytes={offset}-{offset + size - 1}",
        "If-Range": source.etag,
    }
    try:
        connection.request("GET", parts.path, headers=asked)
        return _read(connection.getresponse(), offset, size)
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailed(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, offset: int, size: int) -> Part:
    if answer.status != 206:
        what = "the whole file instead of a part" if answer.status == 200 else answer.reason
        raise FetchFailed(f"the server answers {answer.status}: {what}")
    told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if told is None or int(told[1]) != offset:
        raise FetchFailed("the server sends another part than was asked for")
    data = answer.read(size + 1)
    if len(data) != int(told[2]) - offset + 1 or len(data) > size:
        raise FetchFailed("the part is not as long as it should be")
    return Part(offset, data, int(told[3]))
