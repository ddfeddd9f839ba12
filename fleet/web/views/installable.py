"""What makes the boards an app on a home screen: manifest, service worker, the page without one."""

from flask import Blueprint, Response, abort, jsonify, render_template, request, send_from_directory
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.store.queries import board as boards
from fleet.web import languages
from fleet.web.bundle import DIST, asset, built_name

installable = Blueprint("installable", __name__)

NAME = "Wardfleet"
GROUND = "#0d1319"


@installable.get("/app.webmanifest")
@allow(Access.OPEN)
def manifest() -> ResponseReturnValue:
    """`?ward=`: the app that opens this ward's board, and has its name."""
    slug = request.args.get("ward")
    head = boards.ward_head(slug) if slug else None
    if slug and head is None:
        abort(404)
    start = f"/wards/{head.slug}" if head else "/"
    answer = jsonify(
        id=start,
        start_url=start,
        scope="/",
        name=f"{head.name} · {NAME}" if head else NAME,
        short_name=head.name if head else NAME,
        lang=languages.current().replace("_", "-"),
        dir=languages.direction(),
        display="standalone",
        background_color=GROUND,
        theme_color=GROUND,
        icons=[
            _icon("icon-192.png", 192, "any"),
            _icon("icon-512.png", 512, "any"),
            _icon("icon-maskable-512.png", 512, "maskable"),
        ],
    )
    answer.mimetype = "application/manifest+json"
    return answer


@installable.get("/sw.js")
@allow(Access.OPEN)
def worker() -> Response:
    """At the root, because a worker sees the pages below its own address alone."""
    answer = send_from_directory(DIST, built_name("worker.js"), mimetype="text/javascript")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@installable.get("/offline")
@allow(Access.OPEN)
def offline() -> str:
    """Kept by the worker, for a board of which it has no picture."""
    return render_template("board/offline.html")


def _icon(name: str, size: int, purpose: str) -> dict[str, str]:
    return {
        "src": asset(name),
        "sizes": f"{size}x{size}",
        "type": "image/png",
        "purpose": purpose,
    }
