"""ETags: `"version-digest"`. People's changes move the version, devices' reports the digest.

A copy of the whole answer is fresh only while both are the same (304). But an edit is only stale
once another person has edited: a cart whose charge has moved meanwhile must not refuse it. So
If-Match looks at the version alone.
"""

import hashlib
from typing import Any

from flask import Response, json, request
from marshmallow import Schema

from fleet.services.errors import StaleVersion


def tagged(
    schema: type[Schema],
    found: Any,
    version: int,
    status: int = 200,
    location: str | None = None,
) -> Response:
    """The answer with its ETag; 304 where the client has it already."""
    body = json.dumps(schema().dump(found))
    etag = f"{version}-{hashlib.sha256(body.encode()).hexdigest()[:16]}"
    if request.method in ("GET", "HEAD") and request.if_none_match.contains_weak(etag):
        response = Response(status=304)
    else:
        response = Response(body, status, mimetype="application/json")
    response.set_etag(etag)
    if location:
        response.headers["Location"] = location
    return response


def expected(version: int) -> int:
    """The version that If-Match asks for, which must be this one. Raises StaleVersion."""
    asked = request.if_match
    known = {tag.partition("-")[0] for tag in asked.as_set() if tag}
    if not asked.star_tag and str(version) not in known:
        raise StaleVersion("It has changed since it was read. Read it again, then repeat this.")
    return version
