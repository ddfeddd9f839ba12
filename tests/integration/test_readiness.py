"""`/readyz`: red with what to do, and green again by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from fleet.config import Settings
from fleet.services.heartbeat import Heart
from fleet.store.database import db
from tests.support.databases import PostgresTemplate
from tests.support.signs import all_well, round_trip, sign
from tests.support.small_disk import mounted


def red(client: FlaskClient) -> dict[str, str]:
    """What is not as it should be, with what to do; the status says the same."""
    answer = client.get("/readyz")
    checks: dict[str, Any] = answer.json["checks"]
    found = {name: check["do"] for name, check in checks.items() if not check["ok"]}
    assert answer.status_code == (503 if found else 200)
    assert answer.json["ready"] is not bool(found)
    assert answer.headers["Cache-Control"] == "no-store"
    assert all(found.values())
    return found


@pytest.fixture(autouse=True)
def well(app: Flask) -> None:
    with app.app_context():
        all_well(datetime.now(UTC))


def ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_all_is_well_and_whoever_looks_needs_no_login(client: FlaskClient) -> None:
    assert red(client) == {}
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("broken", "named"),
    [
        (lambda: sign("ingest", ago(25)), {"ingest", "broker"}),
        (lambda: sign("schedule", ago(25)), {"schedule"}),
        (lambda: sign("ingest", ago(0), broker_connected=False), {"broker"}),
        (lambda: sign("ingest", ago(0), lag_ms=45_000), {"lag"}),
        (lambda: sign("ingest", ago(0), problem="disk full"), {"recording"}),
        (lambda: round_trip(ago(35)), {"round_trip"}),
    ],
)
def test_each_fault_is_named_and_gone_with_its_cause(
    app: Flask, client: FlaskClient, broken: Any, named: set[str]
) -> None:
    with app.app_context():
        broken()
    assert red(client).keys() == named
    with app.app_context():
        all_well(ago(0))
    assert red(client) == {}


def test_a_schema_that_this_code_has_outgrown_is_named(app: Flask, client: FlaskClient) -> None:
    def stamp(revision: str) -> str:
        """Returns the one before."""
        with app.app_context(), db.engine.begin() as connection:
            before = connection.scalar(text("SELECT version_num FROM alembic_version"))
            connection.execute(
                text("UPDATE alembic_version SET version_num = :new"), {"new": revision}
            )
        return str(before)

    newest = stamp("0001")
    assert red(client).keys() == {"database"}
    assert client.get("/healthz").status_code == 200
    stamp(newest)
    assert red(client) == {}


def test_a_database_that_takes_no_writes_is_named_by_this_process_own_try(
    app: Flask, client: FlaskClient, settings: Settings
) -> None:
    heart = app.extensions["heart"] = Heart("web", settings)
    heart.unwritten = "database or disk is full"
    assert red(client).keys() == {"database"}
    with app.app_context():
        heart.beat()
    assert red(client) == {}


@contextmanager
def away(app: Flask, template: PostgresTemplate) -> Iterator[None]:
    """The database is not there meanwhile; then an empty one is."""
    with app.app_context():
        name = str(db.engine.url.database)
        db.engine.dispose()
    template.server.drop(name)
    try:
        yield
    finally:
        template.server.create(name, template.name)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_database_is_named_and_found_again(
    app: Flask, client: FlaskClient, postgres_template: PostgresTemplate
) -> None:
    with away(app, postgres_template):
        assert red(client).keys() == {"database"}
        assert client.get("/healthz").status_code == 200
    with app.app_context():
        all_well(ago(0))
    assert red(client) == {}


def test_a_nearly_full_disk_is_named_with_what_is_left(
    app: Flask, client: FlaskClient, settings: Settings
) -> None:
    with mounted(16) as disk:
        app.config["FLEET"] = Settings.from_env(
            {"FLEET_DATABASE_URL": settings.database_url, "FLEET_DATA_DIR": str(disk.folder)}
        )
        assert red(client) == {}
        with disk.full():
            assert "0 MB are free" in red(client)["disk"]
        assert red(client) == {}
    app.config["FLEET"] = Settings.from_env({"FLEET_DATA_DIR": str(disk.folder / "gone")})
    assert "FLEET_DATA_DIR" in red(client)["disk"]
