"""The OpenAPI document is right, complete, and its examples are true; the page shows all of it."""

from collections.abc import Iterator
from typing import Any

import marshmallow as ma
import pytest
from flask import Flask
from openapi_spec_validator import validate

from fleet.api import BLUEPRINTS
from tests.support.api import API, Contract, Hospital


@pytest.fixture
def app(sqlite_url: str, tmp_path: Any) -> Iterator[Flask]:
    """The document does not depend on the database."""
    from fleet import create_app
    from fleet.config import Settings

    app = create_app(
        Settings.from_env({"FLEET_DATABASE_URL": sqlite_url, "FLEET_DATA_DIR": str(tmp_path / "d")})
    )
    yield app
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def document(app: Flask) -> dict[str, Any]:
    answer = app.test_client().get(f"{API}/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json
    return found


def operations(spec: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield f"{method.upper()} {path}", operation


def test_the_document_is_valid_openapi_3_1(app: Flask) -> None:
    spec = document(app)
    assert spec["openapi"].startswith("3.1")
    validate(spec)


def test_every_route_is_in_the_document(app: Flask) -> None:
    routes = {endpoint for bp in BLUEPRINTS for endpoint in (name for name in bp._docs)}
    named = {operation["operationId"] for _, operation in operations(document(app))}
    assert named == routes
    assert len(named) > 25


def test_every_operation_says_who_may_and_what_can_go_wrong(app: Flask) -> None:
    for name, operation in operations(document(app)):
        assert operation["summary"], name
        statuses = set(operation["responses"])
        assert "500" in statuses
        if operation["security"]:
            assert {"401", "403"} <= statuses, name
        else:
            assert operation["x-access"] == "open"
            assert not {"401", "403"} & statuses, name
        for status, answer in operation["responses"].items():
            if status >= "400":
                assert answer["$ref"].startswith("#/components/responses/"), (name, status)


def test_every_error_is_documented_as_problem_json(app: Flask) -> None:
    for name, answer in document(app)["components"]["responses"].items():
        if name != "NOT_MODIFIED":
            assert list(answer["content"]) == ["application/problem+json"], name


def test_every_example_of_an_answer_is_as_its_schema_says(app: Flask) -> None:
    contract, seen = Contract(app), 0
    for _name, operation in operations(contract.spec):
        for answer in operation["responses"].values():
            for content in answer.get("content", {}).values():
                if "example" in content:
                    contract.validate(content["schema"], content["example"])
                    seen += 1
    assert seen > 20


def test_every_body_has_an_example_that_its_schema_loads(app: Flask) -> None:
    spec = document(app)
    api = app.extensions["flask-smorest"]["apis"][""]["ext_obj"]
    schemas = {name: key[0] for key, name in api.ma_plugin.converter.refs.items()}
    seen = 0
    for name, operation in operations(spec):
        if body := operation.get("requestBody"):
            content = body["content"]["application/json"]
            schema: type[ma.Schema] = schemas[content["schema"]["$ref"].rpartition("/")[2]]
            assert schema().load(content["example"]), name
            seen += 1
    assert seen == 19


def test_the_examples_really_work_one_after_the_other(app: Flask) -> None:
    hospital = Hospital(app)
    spec = document(app)

    def example(path: str) -> Any:
        return spec["paths"][API + path]["post"]["requestBody"]["content"]["application/json"][
            "example"
        ]

    assert hospital.post("/sites", {**example("/sites"), "slug": "north"}).status_code == 201
    ward = {**example("/sites/{slug}/wards"), "slug": "north-icu"}
    assert hospital.post("/sites/north/wards", ward).status_code == 201
    assert hospital.post("/devices", example("/devices")).status_code == 201
    assert hospital.post("/profiles", example("/profiles")).status_code == 201
    assignment = {**example("/assignments"), "number": 1}
    assert hospital.post("/assignments", assignment).status_code == 201


def test_who_has_the_document_already_is_told_304(app: Flask) -> None:
    client = app.test_client()
    etag = client.get(f"{API}/openapi.json").headers["ETag"]
    again = client.get(f"{API}/openapi.json", headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_the_page_shows_every_operation_and_keeps_the_policy_of_all_pages(app: Flask) -> None:
    answer = app.test_client().get(f"{API}/docs")
    assert answer.status_code == 200
    for _name, operation in operations(document(app)):
        assert f'id="{operation["operationId"]}"' in answer.text
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert "style=" not in answer.text
    assert "data-csrf" not in answer.text  # nobody is signed in
