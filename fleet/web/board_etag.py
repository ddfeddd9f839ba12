"""When has a board changed? When its revision rose, or when somebody's silence grew too long.

Both stand in the ETag: the revision, and the next deadline among the cards shown. So a 304 needs
one look at the revision and one at the clock, and stays truthful although silence writes nothing.
"""

from datetime import datetime

from flask import Response, request

from fleet.web.bundle import build_id
from fleet.web.words import millis


def etag_of(revision: str, deadline: datetime | None) -> str:
    return f"{build_id()}-{revision}-{millis(deadline)}"


def still_true(revision: str, now: datetime) -> str | None:
    """The browser's ETag, where what it shows is still what we would send."""
    for etag in request.if_none_match.as_set(include_weak=True):
        build, _, rest = (etag or "").partition("-")  # `""` is parsed as None
        known, _, deadline = rest.rpartition("-")
        if build == build_id() and known == revision and _is_ahead(deadline, now):
            return etag
    return None


def not_modified(etag: str, now: datetime) -> Response:
    return stamped(Response(status=304), etag, now)


def stamped(response: Response, etag: str, now: datetime) -> Response:
    """With `X-Now` a browser whose clock is wrong still counts ages rightly."""
    response.set_etag(etag)
    response.headers["X-Now"] = str(millis(now))
    response.headers["X-Build"] = build_id()
    response.headers["Cache-Control"] = "no-cache"
    return response


def _is_ahead(deadline: str, now: datetime) -> bool:
    return deadline == "0" or (deadline.isdigit() and int(deadline) > millis(now))
