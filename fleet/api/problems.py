"""Errors as RFC 9457 `application/problem+json`, each wrong field named."""

import logging
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, json, request
from marshmallow import Schema, fields
from sqlalchemy.exc import IntegrityError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from fleet import request_id
from fleet.services.errors import (
    Conflict,
    Invalid,
    NotFound,
    ServiceError,
    StaleVersion,
    TooManyAttempts,
    Unauthorized,
)

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STATUS: dict[type[ServiceError], int] = {
    NotFound: 404,
    Conflict: 409,
    StaleVersion: 412,
    Invalid: 422,
    TooManyAttempts: 429,
    Unauthorized: 401,
}
_CHALLENGE = {
    401: 'Bearer realm="wardfleet"',
    403: 'Bearer realm="wardfleet", error="insufficient_scope"',
}
_KEPT_HEADERS = ("Allow", "Content-Range", "Retry-After")
_BODY = "body"


class FieldProblemSchema(Schema):
    """One field that is wrong, and what would be right."""

    field = fields.String(required=True, metadata={"description": "dotted: `apps.required.0.name`"})
    location = fields.String(
        required=True, data_key="in", metadata={"enum": [_BODY, "query", "path", "header"]}
    )
    detail = fields.String(required=True)


class ProblemSchema(Schema):
    """RFC 9457. `type` is `about:blank`: the status says what kind of problem it is."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String()
    errors = fields.List(fields.Nested(FieldProblemSchema))
    request_id = fields.String(
        metadata={"description": "By which the service's log knows this request."}
    )


def problem(
    status: int,
    detail: str | None = None,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
    }
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    if name := request_id.current.get():
        body["request_id"] = name
    response = Response(json.dumps(body), status, mimetype=MEDIA_TYPE, headers=dict(headers or {}))
    if status in _CHALLENGE:
        response.headers["WWW-Authenticate"] = _CHALLENGE[status]
    return response


def from_http(error: HTTPException) -> Response | HTTPException | BaseResponse:
    """What Flask, webargs and `abort` raise. A 500 says nothing of its cause: the log does."""
    status = error.code or 500
    if not request.path.startswith("/api/") or status < 400:
        return error
    data = getattr(error, "data", None) or {}
    errors = list(_field_problems(data.get("messages", {})))
    kept = {name: text for name, text in error.get_headers() if name in _KEPT_HEADERS}
    return problem(status, None if status >= 500 else _words(error, errors), errors, kept)


def from_service(error: ServiceError) -> Response:
    """What a use case refuses, in its own words."""
    errors = []
    if isinstance(error, Invalid):
        errors = [{"field": f, "in": _BODY, "detail": text} for f, text in error.fields.items()]
    return problem(_STATUS[type(error)], error.message, errors)


def from_integrity(error: IntegrityError) -> Response:
    """Two asked for the same name at once, and the database let one of them have it."""
    log.warning("refused by the database: %s", error.orig)
    return problem(409, "Somebody else has changed the same thing at this moment. Read it again.")


def _words(error: HTTPException, errors: list[dict[str, str]]) -> str | None:
    if not errors:
        return error.description
    return "; ".join(f"{e['field']}: {e['detail']}" if e["field"] else e["detail"] for e in errors)


def _field_problems(messages: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    for location, below in messages.items():
        where = _BODY if location == "json" else location
        for field, detail in _flat(below):
            yield {"field": field, "in": where, "detail": detail}


def _flat(messages: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """marshmallow's nested messages as (field, detail). In Dicts it puts `key` or `value` between:
    what such a step holds is about the mapping's key itself."""
    if isinstance(messages, Mapping):
        for step, below in messages.items():
            passed_over = step in ("key", "value", "_schema") and not isinstance(below, str)
            yield from _flat(below, path if passed_over else (*path, str(step)))
        return
    for message in messages if isinstance(messages, list) else [messages]:
        text = str(message).rstrip(".")
        yield ".".join(path), text[:1].lower() + text[1:]
