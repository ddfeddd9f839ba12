"""The built front end: files whose names carry their hash, so that browsers keep them for ever."""

import hashlib
import json
from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, Response, request, url_for

from fleet.access import allow
from fleet.domain.access import Access
from fleet.web import languages

HERE = Path(__file__).parent
DIST = HERE / "static" / "dist"
MANIFEST = DIST / "manifest.json"

# Also the home of the templates: blueprints elsewhere find them through it.
web = Blueprint(
    "web",
    "fleet.web",
    root_path=str(HERE),
    static_folder="static",
    static_url_path="/static",
    template_folder="templates",
)


def init_app(app: Flask) -> None:
    app.register_blueprint(web)
    app.view_functions["web.static"] = _static_file
    app.add_template_global(asset)
    app.add_template_global(build_id)
    app.after_request(_keep_hashed_files)


@allow(Access.OPEN)
def _static_file(filename: str) -> Response:
    return web.send_static_file(filename)


def asset(name: str) -> str:
    """The address of `board.js` under its present name."""
    return url_for("web.static", filename=f"dist/{built_name(name)}")


def built_name(name: str) -> str:
    """`board.js` as it is called in the folder of what is built."""
    return _manifest().get(name, name)


def build_id() -> str:
    """Changes with the front end and with the page's language: an open board then loads itself."""
    return f"{_build()}.{languages.current()}"


@cache
def _build() -> str:
    digest = hashlib.sha256(json.dumps(_manifest(), sort_keys=True).encode())
    for template in sorted((HERE / "templates").rglob("*.html")):
        digest.update(template.read_bytes())
    for catalogue in languages.built():
        digest.update(catalogue.read_bytes())
    return digest.hexdigest()[:8]


@cache
def _manifest() -> dict[str, str]:
    try:
        names: dict[str, str] = json.loads(MANIFEST.read_text())
    except FileNotFoundError:
        return {}  # `make assets` has not run: the pages work, plain and still
    return names


def _keep_hashed_files(response: Response) -> Response:
    if request.path.startswith("/static/dist/") and response.status_code == 200:
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
