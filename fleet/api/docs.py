"""The OpenAPI document, and a page to read it and to try each operation.

The page is made from the document on the server and sends with `fetch`: it needs no inline style or
script, so the Content-Security-Policy of every other page holds for it too.
"""

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response, json, render_template, request
from flask.typing import ResponseReturnValue

from fleet import identity
from fleet.api import clock
from fleet.api.access import PREFIX, Access, allow
from fleet.api.openapi import Api

Spec = dict[str, Any]


class Operation(NamedTuple):
    """One method of one path, as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    access: str
    parameters: list[Spec]
    example: str | None
    answers: dict[str, str]


class Document:
    """Complete once every blueprint is registered, and the same from then on."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @cached_property
    def spec(self) -> Spec:
        return self._api.describe()

    @cached_property
    def text(self) -> str:
        return json.dumps(self.spec)

    @cached_property
    def etag(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @cached_property
    def rooms(self) -> list[tuple[Spec, list[Operation]]]:
        """Each tag with its operations."""
        operations = list(_operations(self.spec))
        return [
            (tag, [operation for name, operation in operations if name == tag["name"]])
            for tag in self.spec["tags"]
        ]


def init_app(app: Flask, api: Api) -> None:
    document = Document(api)
    docs = Blueprint("api_docs", __name__, url_prefix=PREFIX, template_folder="templates")

    @docs.get("/openapi.json")
    @allow(Access.OPEN)
    def openapi() -> ResponseReturnValue:
        response = Response(document.text, mimetype="application/json")
        response.set_etag(document.etag)
        return response.make_conditional(request)

    @docs.get("/docs")
    @allow(Access.OPEN)
    def page() -> ResponseReturnValue:
        user = identity.current_user(clock.now())
        return render_template("api/docs.html", spec=document.spec, rooms=document.rooms, user=user)

    app.register_blueprint(docs)


def _operations(spec: Spec) -> Iterator[tuple[str, Operation]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                given = [*methods.get("parameters", []), *operation.get("parameters", [])]
                yield operation["tags"][0], _operation(spec, path, method, operation, given)


def _operation(spec: Spec, path: str, method: str, operation: Spec, given: list[Any]) -> Operation:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = json.dumps(body["example"], indent=2) if "example" in body else None
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        access=operation["x-access"],
        parameters=[_resolved(spec, parameter) for parameter in given],
        example=example,
        answers={
            str(status): _resolved(spec, answer)["description"]
            for status, answer in sorted(operation["responses"].items(), key=lambda a: str(a[0]))
        },
    )


def _resolved(spec: Spec, part: Spec) -> Spec:
    """What a `$ref` points to."""
    if "$ref" not in part:
        return part
    found: Any = spec
    for step in part["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    resolved: Spec = found
    return resolved
