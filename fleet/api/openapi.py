"""The OpenAPI document: its head, how one proves who one is, and the errors that all share."""

from collections.abc import Sequence
from http import HTTPStatus
from importlib.metadata import version
from threading import Lock
from typing import Any

import flask_smorest
from flask import Flask
from flask_smorest.utils import prepare_response
from werkzeug.exceptions import NotFound
from werkzeug.routing import BaseConverter

from fleet import identity
from fleet.api import problems
from fleet.api.schemas.common import BIGGEST_NUMBER

DESCRIPTION = """\
Everything that the console shows and changes, for programs.

Lists are paged: follow `next` (also in the `Link` header) until it is null. A change of something
that is there already needs the `ETag` that was read as `If-Match`: 428 without, 412 if somebody
else was first. Errors are `application/problem+json` (RFC 9457) and name each wrong field. Times
are RFC 3339 in UTC."""
CONFIG = {
    "API_TITLE": "Wardfleet",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": None,  # `fleet.api.docs` serves the document itself
}


class Slug(BaseConverter):
    regex = "[a-z0-9][a-z0-9-]{0,62}"


class DeviceId(BaseConverter):
    regex = "[a-z0-9][a-z0-9-]{2,62}"


class Username(BaseConverter):
    regex = "[a-z0-9][a-z0-9._-]{1,63}"


class Number(BaseConverter):
    """A key or a version's number. One that no column could hold is 404.

    Werkzeug's own `int(max=...)` makes a 405 of it where another method has the same address.
    """

    regex = r"\d{1,19}"

    def to_python(self, value: str) -> int:
        if int(value) > BIGGEST_NUMBER:
            raise NotFound
        return int(value)


class Api(flask_smorest.Api):
    ERROR_SCHEMA = problems.ProblemSchema
    DEFAULT_ERROR_RESPONSE_NAME = None  # an answer that is not documented is a fault, not a default

    def __init__(self) -> None:
        super().__init__()
        self._undescribed: list[flask_smorest.Blueprint] = []
        self._describing = Lock()

    def register_blueprint(self, blp: flask_smorest.Blueprint, **options: Any) -> None:
        """Serve it. To describe it takes longer than all else of a start, and can wait."""
        self._app.extensions["flask-smorest"]["blp_name_to_api"][blp.name] = self
        self._app.register_blueprint(blp, **options)
        self._undescribed.append(blp)

    def describe(self) -> dict[str, Any]:
        """The OpenAPI document of every blueprint, made when it is asked for first."""
        with self._describing:
            for blp in self._undescribed:
                blp.register_views_in_doc(
                    self, self._app, self.spec, name=blp.name, parameters=None
                )
                self.spec.tag({"name": blp.name, "description": blp.description})
            self._undescribed.clear()
            document: dict[str, Any] = self.spec.to_dict()
        return document

    def handle_http_exception(self, error: Any) -> Any:
        return problems.from_http(error)

    def _register_pagination_header(self) -> None:
        """Pages say in their body where the next one is."""

    def _register_responses(self) -> None:
        for status in HTTPStatus:
            response: dict[str, Any] = {"description": status.phrase}
            if status >= 400:
                response["schema"] = self.ERROR_SCHEMA
            if status == 401:
                header = {"description": "How to prove who one is.", "schema": {"type": "string"}}
                response["headers"] = {"WWW-Authenticate": header}
            prepare_response(response, self.spec, problems.MEDIA_TYPE)
            self.spec.components.response(status.name, response, lazy=True)


def make_api(app: Flask, blueprints: Sequence[flask_smorest.Blueprint]) -> Api:
    app.config.update(CONFIG)
    app.json.sort_keys = False  # type: ignore[attr-defined]  # fields in the schema's own order
    app.url_map.converters.update(slug=Slug, device_id=DeviceId, number=Number, username=Username)
    api = Api()
    api.register_converter(Slug, _pattern)
    api.register_converter(DeviceId, _pattern)
    api.register_converter(Username, _pattern)
    api.register_converter(Number, _whole_number)
    info = {"description": DESCRIPTION, "version": version("wardfleet")}
    api.init_app(app, spec_kwargs={"info": info})
    api.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "An API token: `wf_...`."}
    )
    api.spec.components.security_scheme(
        "session",
        {
            "type": "apiKey",
            "in": "cookie",
            "name": identity.COOKIE,
            "description": "A signed-in browser; changes also need `X-CSRFToken`.",
        },
    )
    api.spec.components.security_scheme(
        "direction",
        {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Direction ...`: a device, by the signed direction that it was given.",
        },
    )
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    return api


def _whole_number(_converter: BaseConverter) -> dict[str, Any]:
    return {"type": "integer", "minimum": 0, "maximum": BIGGEST_NUMBER}


def _pattern(converter: BaseConverter) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{converter.regex}$"}
