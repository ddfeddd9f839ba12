"""A small hospital behind the REST API: entered through the use cases, fed through the pipeline."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Flask
from openapi_schema_validator import OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from sqlalchemy import event
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from fleet.domain.battery.charging import SHORT_FOR
from fleet.ingest.batch import Inbound
from fleet.ingest.pipeline import process
from fleet.services.api_tokens import create_api_token
from fleet.services.assign_profile import assign_profile
from fleet.services.load_profiles import load_profile
from fleet.services.places import add_site, add_ward
from fleet.services.profile_document import ProfileSchema
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.database import db
from fleet.store.models import OutboxMessage

API = "/api/v1"
ACTOR = "test"
DOCUMENT: dict[str, Any] = {
    "profile": "carts",
    "title": "Carts",
    "kinds": ["medication_cart"],
    "settings": {"screen_timeout_s": 120, "bluetooth": False},
    "apps": {"required": [{"name": "emar", "version": "7.2"}]},
    "reporting": {"interval_s": 30},
}


class Contract:
    """Holds every answer against the OpenAPI document: its status and its body stand there."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.spec, self._registry = _document(app)

    def check(self, method: str, answer: TestResponse) -> None:
        try:
            rule, _ = self.app.url_map.bind("localhost").match(
                answer.request.path, method=method, return_rule=True
            )
        except HTTPException:
            return  # no such operation
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        operation = self.spec["paths"][path][method.lower()]
        documented = operation["responses"].get(str(answer.status_code))
        assert documented, f"{method} {path}: {answer.status_code} is not documented"
        content = self.resolved(documented).get("content", {})
        if content and answer.data:
            self.validate(content[answer.mimetype]["schema"], answer.json)

    def validate(self, schema: dict[str, Any], body: Any) -> None:
        """Formats too: a time that is none fails."""
        formats = OAS31Validator.FORMAT_CHECKER
        OAS31Validator(schema, registry=self._registry, format_checker=formats).validate(body)

    def resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in part:
            return part
        found: Any = self._registry.resolver().lookup(part["$ref"]).contents
        resolved: dict[str, Any] = found
        return resolved


_documents: list[tuple[dict[str, Any], Registry[Any]]] = []


def _document(app: Flask) -> tuple[dict[str, Any], Registry[Any]]:
    """That of the first application that was asked: it follows from the code alone."""
    if not _documents:
        text = app.test_client().get(f"{API}/openapi.json").text
        # References from a part of the document must find the whole of it.
        spec = json.loads(text.replace('"#/', '"urn:api#/'))
        resource = Resource.from_contents(spec, default_specification=DRAFT202012)
        _documents.append((spec, Registry().with_resource("urn:api", resource)))
    return _documents[0]


class Hospital:
    """Two wards, `icu` and `oncology`; devices as a test wants them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._seq = itertools.count(1)
        self._tokens: dict[tuple[str, ...], str] = {}
        self.contract = Contract(app)
        with app.app_context():
            add_site("st-mary", "St Mary's", "Europe/Berlin", ACTOR, now())
            add_ward("st-mary", "icu", "Intensive Care", ACTOR, now(), [("bay-1", "bay 1")])
            add_ward("st-mary", "oncology", "Oncology", ACTOR, now())

    # --- What is there ------------------------------------------------------------------------

    def register(
        self, *asset_tags: str, kind: str = "medication_cart", ward: str = "icu"
    ) -> list[str]:
        with self.app.app_context():
            return register_devices(
                [NewDevice(tag, kind, ward) for tag in asset_tags], ACTOR, now()
            )

    def load(self, **changed: Any) -> int:
        """A version of the profile `carts`; returns its number."""
        with self.app.app_context():
            document = ProfileSchema().load({**DOCUMENT, **changed})
            return load_profile(document, ACTOR, now()).number

    def assign(self, number: int = 1, scope: str = "site", key: str = "st-mary") -> int:
        with self.app.app_context():
            return assign_profile("carts", number, scope, key, ACTOR, now())

    # --- What devices say ---------------------------------------------------------------------

    def report(self, device_id: str, at: datetime | None = None, **battery: Any) -> None:
        """One reading, heard at that moment."""
        at = at or now()
        reading = {
            "seq": next(self._seq),
            "ts": at.isoformat(),
            "batteries": [{"slot": 0, "soc_pct": 92, "status": "discharging", **battery}],
        }
        self.say(device_id, "telemetry", {"v": 1, "boot": 1, "readings": [reading]}, at)

    def run_low(self, device_id: str, soc_pct: int = 8) -> None:
        """Two readings between which it has been low for long enough."""
        self.report(device_id, now() - SHORT_FOR, soc_pct=soc_pct)
        self.report(device_id, soc_pct=soc_pct)

    def report_configuration(
        self, device_id: str, at: datetime | None = None, **value: Any
    ) -> None:
        """Everything as the profile's first version asks, but for what is given."""
        settings = {**DOCUMENT["settings"], **value}
        items = [{"path": f"settings.{key}", "value": v} for key, v in settings.items()]
        items += [
            {"path": "apps.emar", "value": "7.2"},
            {"path": "reporting_interval_s", "value": 30},
        ]
        wanted = self.desired(device_id)
        message = {
            "v": 1,
            "boot": 1,
            "seq": next(self._seq),
            "generation": wanted["generation"],
            "sha256": wanted["sha256"],
            "items": items,
        }
        self.say(device_id, "reported", message, at)

    def say(self, device_id: str, channel: str, message: Any, at: datetime | None = None) -> None:
        heard = at or now()
        payload = message if isinstance(message, bytes) else json.dumps(message).encode()
        inbound = Inbound(f"fleet/v1/up/{device_id}/{channel}", payload, heard)
        with self.app.app_context():
            process([inbound], heard)

    def desired(self, device_id: str) -> dict[str, Any]:
        """What waits for this device in the outbox."""
        with self.app.app_context():
            query = db.select(OutboxMessage.payload).filter_by(
                topic=f"fleet/v1/down/{device_id}/desired"
            )
            payload = db.session.scalar(query)
        found: dict[str, Any] = json.loads(payload) if payload else {}
        return found

    # --- What programs ask --------------------------------------------------------------------

    def token(self, *scopes: str) -> str:
        if scopes not in self._tokens:
            with self.app.app_context():
                self._tokens[scopes] = create_api_token("test", scopes, None, ACTOR, now())
        return self._tokens[scopes]

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.ask("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.ask("POST", path, body, **options)

    def patch(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.ask("PATCH", path, body, **options)

    def put(self, path: str, body: Any, **options: Any) -> TestResponse:
        return self.ask("PUT", path, body, **options)

    def delete(self, path: str, **options: Any) -> TestResponse:
        return self.ask("DELETE", path, **options)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        if_match: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> TestResponse:
        """With a token of both scopes, unless another is given."""
        bearer = token or self.token("read", "write")
        sent = {"Authorization": f"Bearer {bearer}", **(headers or {})}
        if if_match is not None:
            sent["If-Match"] = if_match
        if body is not None:
            options["json"] = body
        address = path if path.startswith(API) else API + path
        answer = self.app.test_client().open(address, method=method, headers=sent, **options)
        self.contract.check(method, answer)
        return answer

    def everything(self, path: str) -> list[dict[str, Any]]:
        """All items of a list, over all of its pages."""
        found: list[dict[str, Any]] = []
        following: str | None = path
        while following:
            page = self.get(following)
            assert page.status_code == 200, page.text
            body: dict[str, Any] = page.get_json()
            found += body["items"]
            following = body["next"]
        return found


def now() -> datetime:
    return datetime.now(UTC)


def ago(**much: float) -> datetime:
    return now() - timedelta(**much)


@contextmanager
def statements(app: Flask) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile, but for the looks at the server's clock, one in seconds."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "clock_timestamp" not in statement:
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)
