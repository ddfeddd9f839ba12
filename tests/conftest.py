"""Fixtures: real servers, started once per pytest-xdist worker, and a fresh database per test.

Each is started only when a test asks for it. The modules of `fleet` are imported inside the
fixtures, so that a fault in one of them fails its own tests and not the collection of all.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.support.broker import Broker, ForeignBroker
from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.support.memory_disk import use_memory
from tests.support.order import spread
from tests.support.postgres import Postgres, private_cluster

if TYPE_CHECKING:
    from flask import Flask
    from flask.testing import FlaskClient
    from playwright.sync_api import Browser

    from fleet.config import Settings
    from tests.support.browser import Pages

# How long one example takes says more about the machine than about the rule.
hypothesis.settings.register_profile("wardfleet", deadline=None, print_blob=True)
hypothesis.settings.load_profile("wardfleet")

use_memory()
# Without it each of the hundreds of processes that are started would compile the service anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if workers := getattr(config, "workerinput", {}).get("workercount"):
        named = [(item.path.relative_to(config.rootpath).as_posix(), item) for item in items]
        items[:] = spread(named, workers)


# --- MQTT -----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker | ForeignBroker]:
    """A Mosquitto for all tests of this worker: use device ids of your own, and do not stop it."""
    if url := os.environ.get("FLEET_TEST_MQTT_URL"):
        yield ForeignBroker(url)
        return
    yield from _running_broker(tmp_path_factory.mktemp("broker"))


@pytest.fixture
def fresh_broker(tmp_path: Path) -> Iterator[Broker]:
    """A Mosquitto for this test alone, to stop, kill and restart."""
    folder = tmp_path / "broker"
    folder.mkdir()
    yield from _running_broker(folder)


def _running_broker(folder: Path) -> Iterator[Broker]:
    broker = Broker(folder)
    broker.start()
    yield broker
    broker.stop()


# --- Databases ------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    if url := os.environ.get("FLEET_TEST_POSTGRES_URL"):
        yield Postgres(url)
        return
    with private_cluster() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    return SqliteTemplate(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> Iterator[PostgresTemplate]:
    template = PostgresTemplate(postgres)
    yield template
    postgres.drop(template.name)


@pytest.fixture
def sqlite_url(sqlite_template: SqliteTemplate, tmp_path: Path) -> str:
    """A migrated, empty SQLite, for tests where the database is not the point."""
    return sqlite_template.copy_to(tmp_path)


@pytest.fixture
def postgres_url(postgres_template: PostgresTemplate) -> Iterator[str]:
    """A migrated, empty PostgreSQL database, for tests of what only it does."""
    name, url = postgres_template.copy()
    yield url
    postgres_template.server.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: the test runs once on SQLite and once on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
def other_database_url(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[str]:
    """Another of the same kind, with nothing in it: to restore into."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    name = f"fleet_other_{os.getpid()}_{tmp_path.name}"[-60:]
    yield server.create(name)
    server.drop(name)


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> None:
    """Hundreds of tests sign in, and a good hash takes its time; how good it is, is not theirs."""
    from argon2 import PasswordHasher
    from argon2.profiles import CHEAPEST

    from fleet.services import passwords

    passwords._hasher = PasswordHasher.from_parameters(CHEAPEST)


@pytest.fixture(scope="session", autouse=True)
def made_once() -> None:
    from tests.support.made_once import share_what_the_code_alone_decides

    share_what_the_code_alone_decides()


# --- The application ------------------------------------------------------------------------


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> "Settings":
    """What the environment would say: a fresh database, a data directory of the test's own."""
    from fleet.config import Settings

    return Settings.from_env(
        {"FLEET_DATABASE_URL": database_url, "FLEET_DATA_DIR": str(tmp_path / "data")}
    )


@pytest.fixture
def app(settings: "Settings") -> Iterator["Flask"]:
    """The application over a fresh database, with nothing else running."""
    from fleet import create_app

    app = create_app(settings)
    yield app
    _let_go(app)


@pytest.fixture
def worker(settings: "Settings") -> Iterator["Flask"]:
    """The application without pages, as ingest, schedule and the commands have it."""
    from fleet import create_worker

    app = create_worker(settings)
    yield app
    _let_go(app)


def _let_go(app: "Flask") -> None:
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            engine.dispose()


@pytest.fixture
def client(app: "Flask") -> "FlaskClient":
    return app.test_client()


# --- The browser ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    from playwright.sync_api import sync_playwright

    from tests.support.browser import launch

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: "Browser") -> Iterator["Pages"]:
    """Opens pages: page("phone"), page("wall", base_url=...). An error in their console fails."""
    from tests.support.browser import Pages

    pages = Pages(chromium)
    yield pages
    pages.close()
    assert not pages.complaints, "\n".join(pages.complaints)
