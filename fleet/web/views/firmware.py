"""Firmware releases: what was signed, by whom, for what, and how many devices run it."""

from datetime import datetime
from typing import Any

import msgspec
from flask import abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.store.artifacts import Artifacts
from fleet.store.queries.firmware import (
    ReleaseRow,
    find_releases,
    release_by_id,
    running,
    trust_chain,
)
from fleet.trust.documents import Document
from fleet.trust.envelope import read_envelope
from fleet.trust.verify import read_document
from fleet.web import clock
from fleet.web.views.console import KEY, it, whole


@it.get("/firmware")
@allow(Access.READ, At.ANY)
def firmware() -> ResponseReturnValue:
    now = clock.now()
    page = find_releases(whole(request.args, "before"))
    return render_template(
        "it/firmware.html",
        now=now,
        page=page,
        states={row.id: _state(row, now) for row in page.rows},
        running=running(page.rows, reach()),
        trust=_said(chain[-1]) if (chain := trust_chain()) else None,
    )


@it.get(f"/firmware/<{KEY}:release_id>")
@allow(Access.READ, At.ANY)
def firmware_release(release_id: int) -> ResponseReturnValue:
    row = release_by_id(release_id)
    if row is None:
        abort(404)
    now = clock.now()
    return render_template(
        "it/firmware_release.html",
        now=now,
        release=row,
        state=_state(row, now),
        running=running([row], reach())[row.id],
        manifest=_said(row.envelope),
        signers=[signature.keyid for signature in read_envelope(row.envelope).signatures],
        leave=_said(row.downgrade) if row.downgrade else None,
    )


def _state(row: ReleaseRow, now: datetime) -> str:
    """A word of `words.RELEASES`."""
    if row.expires_at <= now:
        return "expired"
    is_there = Artifacts(current_app.config["FLEET"].data_dir).has(row.sha256, row.length)
    return "ready" if is_there else "missing"


def _said(envelope: bytes) -> dict[str, Any]:
    """What was verified when it was entered, with moments as such."""
    document: Document = read_document(read_envelope(envelope))
    said: dict[str, Any] = msgspec.structs.asdict(document)
    return said
