"""Every route of the application, and a browser that asks for any of them."""

from typing import Any, NamedTuple

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleet.access import At, declared_by
from fleet.domain.access import Access
from tests.support.console import form

OBJECTS = {
    "device_id", "pack_id", "alert_id", "rollout_id", "assignment_id", "kiosk_id", "ticket_id",
}  # fmt: skip


class Route(NamedTuple):
    rule: str
    endpoint: str
    method: str
    arguments: frozenset[str]
    access: Access
    at: At | None

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @property
    def names_an_object(self) -> bool:
        return bool(self.arguments & OBJECTS) or self.at in (At.WARD, At.SITE, At.SCOPE)


def routes(app: Flask) -> list[Route]:
    """Every method of every route."""
    found: list[Route] = []
    for rule in app.url_map.iter_rules():
        said, arguments = declared_by(app, rule.endpoint), frozenset(rule.arguments)
        declared = (arguments, said["access"], said["at"])
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        found += [Route(rule.rule, rule.endpoint, method, *declared) for method in methods]
    return found


def address(app: Flask, route: Route, **known: object) -> str:
    """Of it, with values for its variables: those that are known, others that fit."""
    values: dict[str, object] = {}
    for name in route.arguments:
        is_number = (name.endswith("_id") and name != "device_id") or name == "number"
        values[name] = known.get(name, 1 if is_number else "abc")
    if "scope" in values:
        values["scope"] = known.get("scope", "ward")
    if "step" in values:
        values["step"] = "pause" if "rollout_id" in values else "disable"
    return app.url_map.bind("localhost").build(route.endpoint, values)


class Browser:
    """Of somebody who is signed in, with the proof that a page was ours."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        page = client.get("/it/account").text
        self._proof = form(page)["csrf_token"]

    def ask(self, app: Flask, route: Route, **known: object) -> TestResponse:
        headers = {"X-CSRFToken": self._proof, "If-Match": '"1"'}
        is_api = route.rule.startswith("/api/")
        body: dict[str, Any] = {"json": {}} if is_api and route.changes else {}
        return self._client.open(
            address(app, route, **known), method=route.method, headers=headers, **body
        )
