"""A blueprint of the API: each operation's document says who may, and what can go wrong."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import flask_smorest
from marshmallow import Schema
from sqlalchemy.exc import IntegrityError

from fleet.api.access import PREFIX, Access
from fleet.api.parser import Parser
from fleet.api.problems import from_integrity, from_service
from fleet.api.schemas.common import page_of
from fleet.services.errors import ServiceError

Doc = dict[str, Any]

SECURITY: list[dict[str, list[str]]] = [{"token": []}, {"session": []}]
LINK = {"description": 'The next page: `<...>; rel="next"`.', "schema": {"type": "string"}}
LOCATION = {"description": "Where it is.", "schema": {"type": "string"}}


class Blueprint(flask_smorest.Blueprint):
    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, description: str) -> None:
        super().__init__(name, __name__, url_prefix=PREFIX, description=description)
        self._prepare_doc_cbks.append(_describe)
        self.register_error_handler(ServiceError, from_service)
        self.register_error_handler(IntegrityError, from_integrity)

    def add_url_rule(self, rule: str, *args: Any, **options: Any) -> None:
        super().add_url_rule(rule, *args, **options)
        endpoint = self._endpoints[-1]
        for method, doc_info in self._docs[endpoint].items():
            if method != "parameters":
                doc_info.update(endpoint=endpoint, has_path_parameters="<" in rule)

    def page(self, item: type[Schema], example: Doc | None = None) -> Callable[..., Any]:
        """Decorator: answers with a page of these."""
        shown = {"items": [example], "next": None} if example else None
        return self.response(200, page_of(item), example=shown, headers={"Link": LINK})


def _describe(doc: Doc, doc_info: Doc, *, method: str, **_context: Any) -> Doc:
    answers = doc.setdefault("responses", {})
    for status in _what_can_go_wrong(doc, doc_info, method):
        answers.setdefault(status, HTTPStatus(status).name)
    if doc_info["if_match"]:
        doc.setdefault("parameters", []).append("IF_MATCH")
    if doc_info["tagged"]:
        for status in doc_info["success_status_codes"]:
            answers[status].setdefault("headers", {})["ETag"] = "ETAG"
    if doc_info["tagged"] and not doc_info["if_match"] and 201 not in answers:
        answers[304] = HTTPStatus.NOT_MODIFIED.name
        doc.setdefault("parameters", []).append("IF_NONE_MATCH")
    if 201 in answers:
        answers[201].setdefault("headers", {})["Location"] = LOCATION
    doc["operationId"] = doc_info["endpoint"]
    doc["security"] = [] if doc_info["access"] == Access.OPEN else SECURITY
    if doc_info["access"] == Access.ARTIFACT:
        doc["security"] = [*SECURITY, {"direction": []}]
    doc["x-access"] = str(doc_info["access"])
    return doc


def _what_can_go_wrong(doc: Doc, doc_info: Doc, method: str) -> list[int]:
    found = [400, 500]
    if doc_info["access"] != Access.OPEN:
        found += [401, 403]
    if method != "get":
        found += [409]
    if doc_info["has_path_parameters"]:
        found += [404]
    if doc_info["if_match"]:
        found += [412, 428]
    if "requestBody" in doc:
        found += [413, 415, 422]
    return found
