"""Firmware releases: what was signed, and the files, in parts if wanted."""

import json
from typing import Any

from flask import Response, abort, current_app, request, send_file
from werkzeug.http import parse_range_header

from fleet.api.access import Access, At, allow, may_have
from fleet.api.blueprint import Blueprint
from fleet.api.cursors import key, paged
from fleet.api.schemas import firmware as schemas
from fleet.services.errors import NotFound
from fleet.store.artifacts import Artifacts
from fleet.store.queries.firmware import (
    ReleaseRow,
    find_releases,
    release_by_id,
    release_of_file,
    trust_chain,
)

bp = Blueprint("Firmware", "Signed releases, and the files that devices fetch.")

BYTES = "application/octet-stream"
_FILE = {"contentMediaType": BYTES}


@bp.route("/firmware/releases")
@bp.arguments(schemas.ReleasesQuery, location="query")
@bp.page(schemas.ReleaseSchema, schemas.RELEASE)
@allow(Access.READ, at=At.ANY)
def list_releases(query: dict[str, Any]) -> Response:
    """The newest first."""
    (before,) = query.get("cursor", (None,))
    found = find_releases(before, query["limit"])
    return paged(schemas.ReleaseSchema, [_shown(row) for row in found.rows], key(found.before))


@bp.route("/firmware/releases/<number:release_id>")
@bp.response(200, schemas.ReleaseSchema, example=schemas.RELEASE)
@allow(Access.READ, at=At.ANY)
def get_release(release_id: int) -> dict[str, Any]:
    """One release."""
    return _shown(_release(release_id))


@bp.route("/firmware/releases/<number:release_id>/manifest")
@bp.response(200, schemas.EnvelopeSchema, example=schemas.ENVELOPE)
@allow(Access.READ, at=At.ANY)
def get_manifest(release_id: int) -> Response:
    """Its manifest as it was signed."""
    return Response(_release(release_id).envelope, mimetype="application/json")


@bp.route("/firmware/trust")
@bp.page(schemas.EnvelopeSchema, schemas.ENVELOPE)
@allow(Access.READ, at=At.ANY)
def list_trust() -> Response:
    """Every trust document as it was signed, the first one first, on one page."""
    chain = [json.loads(envelope) for envelope in trust_chain()]
    body = json.dumps({"items": chain, "next": None})
    return Response(body, mimetype="application/json")


@bp.route("/firmware/artifacts/<sha256>")
@bp.response(200, _FILE, content_type=BYTES, description="The whole file.")
@bp.alt_response(206, schema=_FILE, content_type=BYTES, description="The part asked for.")
@bp.alt_response(304, "NOT_MODIFIED")
@bp.alt_response(416, "REQUESTED_RANGE_NOT_SATISFIABLE")
@allow(Access.ARTIFACT, at=At.ANY)
def get_artifact(sha256: str) -> Response:
    """The file of a release by its SHA-256, which is its ETag too; `Range` and `If-Range` count.

    A device shows its direction: `Authorization: Direction` and the envelope in base64url.
    """
    if not may_have(sha256):
        abort(403, "The direction is about another file.")
    release = release_of_file(sha256)
    artifacts = Artifacts(current_app.config["FLEET"].data_dir)
    if release is None or not artifacts.has(sha256, release.length):
        raise NotFound(f"no file {sha256}")
    _pass_over_a_range_that_is_none()
    return send_file(
        artifacts.path(sha256),
        mimetype=BYTES,
        as_attachment=True,
        download_name=f"{release.manifest_id}.bin",
        conditional=True,
        etag=sha256,
    )


def _pass_over_a_range_that_is_none() -> None:
    """RFC 9110, 14.2: an unknown unit or a malformed range is ignored; of several parts at once we
    make no use."""
    asked = parse_range_header(request.headers.get("Range"))
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        request.environ.pop("HTTP_RANGE", None)


def _release(release_id: int) -> ReleaseRow:
    row = release_by_id(release_id)
    if row is None:
        raise NotFound(f"no release {release_id}")
    return row


def _shown(row: ReleaseRow) -> dict[str, Any]:
    artifacts = Artifacts(current_app.config["FLEET"].data_dir)
    return {
        **row._asdict(),
        "has_file": artifacts.has(row.sha256, row.length),
        "may_go_back": row.downgrade is not None,
    }
