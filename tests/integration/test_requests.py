"""Every request has a name: in its answer, in its problem, and on each line that is logged."""

import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet import request_id
from fleet.logs import JsonFormatter
from fleet.metrics import snapshot, values

HEADER = "X-Request-ID"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """What the request log has said so far."""
    return [r.__dict__["fields"] for r in log.records if r.name == "fleet.web.requests"]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1/wards", "/api/v1/nothing", "/healthz"])
def test_each_answer_carries_the_id_that_came_or_a_new_one(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers={HEADER: "proxy-4711-a"}).headers[HEADER] == "proxy-4711-a"
    made = {client.get(path, headers=h).headers[HEADER] for h in ({}, {}, {HEADER: "no id!"})}
    assert len(made) == 3
    assert "no id!" not in made


def test_a_problem_names_the_request_that_met_it(client: FlaskClient) -> None:
    answer = client.get("/api/v1/devices", headers={HEADER: "proxy-4711-a"})
    assert answer.status_code == 401
    assert answer.json["request_id"] == "proxy-4711-a"


def test_a_fault_of_ours_shows_the_number_under_which_it_is_logged(
    app: Flask,
    client: FlaskClient,
    log: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_args: object) -> None:
        raise RuntimeError("what it was")

    app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr("fleet.store.queries.board.ward_heads", broken)
    seen: list[str] = []
    formatter = JsonFormatter("web", None)
    monkeypatch.setattr(log.handler, "emit", lambda record: seen.append(formatter.format(record)))
    page = client.get("/", headers={HEADER: "proxy-4711-a"})
    assert page.status_code == 500
    assert "proxy-4711-a" in page.text
    assert "what it was" not in page.text
    [fault] = [line for line in seen if "what it was" in line]
    assert '"request_id": "proxy-4711-a"' in fault


def test_a_request_is_logged_with_its_route_and_its_time(
    client: FlaskClient, log: pytest.LogCaptureFixture
) -> None:
    client.get("/wards/nowhere?q=a+patients+name", headers={"Cookie": "wardfleet_session=canary"})
    [line] = lines(log)
    assert line.pop("seconds") >= 0
    assert line == {
        "method": "GET",
        "path": "/wards/nowhere",
        "route": "/wards/<slug>",
        "status": 404,
        "remote": "127.0.0.1",
    }
    assert "patient" not in log.text
    assert "canary" not in log.text


def test_a_token_in_an_address_is_not_logged(
    client: FlaskClient, log: pytest.LogCaptureFixture
) -> None:
    client.get("/setup/canary-0123456789")
    assert [line["path"] for line in lines(log)] == ["/setup/<token>"]
    assert "canary" not in log.text


def test_what_is_asked_every_few_seconds_is_not_in_the_log_by_default(
    client: FlaskClient, log: pytest.LogCaptureFixture
) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/"):
        client.get(path)
    levels = [r.levelname for r in log.records if r.name == "fleet.web.requests"]
    assert levels == ["DEBUG", "DEBUG", "DEBUG", "INFO"]


def test_a_request_is_counted_by_its_route(client: FlaskClient) -> None:
    labels = (("method", "GET"), ("route", "/wards/<slug>"), ("status", "404"))

    def count() -> float:
        return values(snapshot(), "wardfleet_http_request_seconds_count").get(labels, 0)

    before = count()
    client.get("/wards/nowhere")
    client.get("/wards/elsewhere")
    assert count() == before + 2


def test_outside_of_a_request_there_is_no_id(client: FlaskClient) -> None:
    client.get("/")
    assert request_id.current.get() is None
