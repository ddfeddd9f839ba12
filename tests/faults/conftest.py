"""A stage for each test: a broker, a database with hundreds of devices in it, and the service.

`make test` plays each fault once, with a fixed seed and on one database; FAULTS=long (`make
test-faults`) plays it on both, with more devices and several seeds. SEED=n repeats one seed.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from flask import Flask

from fleet.config import Settings
from fleet.simulator.fleet import Fleet
from fleet.simulator.roster import demo_roster
from tests.faults.checker import check, promised
from tests.faults.crowd import application, device_ids, register_devices
from tests.faults.generator import Population
from tests.faults.service import Service
from tests.support.agents import running
from tests.support.broker import Broker
from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.support.postgres import DURABLE, Cluster, private_cluster

LONG = os.environ.get("FAULTS") == "long"
SEEDS = [int(seed) for seed in os.environ.get("SEED", "1,2" if LONG else "1").split(",")]
Report = Generator[None, pytest.TestReport, pytest.TestReport]
DEVICES, PACE_S = (2_000, 2.0) if LONG else (500, 1.0)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", SEEDS, ids=[f"seed{seed}" for seed in SEEDS])
    if "database" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only_on")
        in_suite = metafunc.definition.get_closest_marker("suite_on")
        chosen = only or (None if LONG else in_suite)
        metafunc.parametrize("database", chosen.args if chosen else ("sqlite", "postgresql"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Report:
    """A failure says how to repeat it, and what ingest said of it."""
    report = yield
    stage = item.funcargs.get("stage")
    if report.failed and isinstance(stage, Stage):
        length = "FAULTS=long " if LONG else ""
        repeat = f"{length}SEED={stage.seed} .venv/bin/pytest '{item.nodeid}'"
        report.sections += [("repeat with", repeat), ("ingest", stage.service.last_words())]
    return report


@pytest.fixture
def elsewhere(other_database_url: str, tmp_path: Path) -> Settings:
    """Another machine: an empty database, a data directory that is not there yet."""
    return Settings.from_env(
        {"FLEET_DATABASE_URL": other_database_url, "FLEET_DATA_DIR": str(tmp_path / "elsewhere")}
    )


class Stage:
    """`devices` are registered; nothing runs yet. `app` is for looking into the database."""

    def __init__(
        self, broker: Broker, app: Flask, database_url: str, seed: int, folder: Path
    ) -> None:
        self.broker, self.app, self.database_url, self.seed = broker, app, database_url, seed
        self.service = Service(folder, database_url, broker.url)
        self.rng = Random(seed)
        self.devices = device_ids(DEVICES)

    def population(self, count: int = DEVICES, **options: Any) -> Population:
        options = {"pace_s": PACE_S} | options
        return Population(self.broker.url, self.devices[:count], seed=self.seed, **options)

    @contextmanager
    def agents(self, folder: Path, count: int) -> Iterator[Fleet]:
        """Real agents of the first carts, each with its journal in `folder`."""
        fleet = Fleet(
            demo_roster(wards=1, carts=count, tablets=0),
            self.broker.url,
            folder / "agents",
            speed=0,
            interval_s=1,
            ack_timeout_s=2,
        )
        with running(fleet):
            yield fleet

    def verify(self, population: Population, timeout: float = 60) -> None:
        """Let every reading be acked, and hold the database against it."""
        population.drain(timeout)
        verdict = check(
            self.database_url, population.devices, promised(population.devices.values())
        )
        assert verdict.wrong == [], str(verdict)
        assert population.complaints == []
        assert self.service.stack_traces() == []
        assert verdict.readings == population.measured


@pytest.fixture(scope="session")
def crowded_sqlite(tmp_path_factory: pytest.TempPathFactory) -> SqliteTemplate:
    folder = tmp_path_factory.mktemp("crowd")
    return SqliteTemplate(folder, lambda url: register_devices(url, folder, DEVICES))


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Its commits survive a crash. A test that ends it starts it again."""
    with private_cluster(**DURABLE) as server:
        yield server


@pytest.fixture(scope="session")
def crowded_postgres(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> PostgresTemplate:
    folder = tmp_path_factory.mktemp("crowd")
    return PostgresTemplate(cluster, lambda url: register_devices(url, folder, DEVICES))


@pytest.fixture
def crowded_url(database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own with all devices registered in it."""
    if database == "sqlite":
        yield request.getfixturevalue("crowded_sqlite").copy_to(tmp_path)
        return
    template = request.getfixturevalue("crowded_postgres")
    name, url = template.copy()
    yield url
    template.server.drop(name)


@pytest.fixture
def stage(fresh_broker: Broker, crowded_url: str, seed: int, tmp_path: Path) -> Iterator[Stage]:
    with application(crowded_url, tmp_path) as app:
        stage = Stage(fresh_broker, app, crowded_url, seed, tmp_path)
        yield stage
        stage.service.close()
