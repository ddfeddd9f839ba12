"""Fault 7. Disk full: no ack; readiness red; recovers by itself.

On a real disk that is full to its last byte: with SQLite all of the service is on it, with
PostgreSQL the database's own files are.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import paho.mqtt.client as mqtt
import psutil
import pytest
from sqlalchemy import create_engine, text

from fleet import create_worker
from fleet.config import Settings
from fleet.store.migrate import upgrade
from tests.support.broker import Broker
from tests.support.hospital import build_hospital, reading, telemetry
from tests.support.postgres import Postgres
from tests.support.processes import free_port, start, stop
from tests.support.small_disk import SmallDisk, mounted
from tests.support.waiting import wait_until

DISK_MB = 64
READINGS = 200
"""In a message."""


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with mounted(DISK_MB) as disk:
        yield disk


@pytest.fixture(params=["sqlite", "postgresql"])
def environ(
    request: pytest.FixtureRequest, disk: SmallDisk, tmp_path: Path, fresh_broker: Broker
) -> Iterator[dict[str, str]]:
    """What `fleet up` is started with: its database on the small disk."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")} | {
        "FLEET_DATA_DIR": str(disk.folder / "data"),
        "FLEET_HTTP_PORT": str(free_port()),
        "FLEET_EST_PORT": str(free_port()),
        "FLEET_MQTT_URL": fresh_broker.url,
    }
    if request.param == "sqlite":
        yield environ
        return
    with _database_on(disk, request.getfixturevalue("postgres")) as url:
        yield environ | {"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(tmp_path / "data")}


@contextmanager
def _database_on(disk: SmallDisk, server: Postgres) -> Iterator[str]:
    folder, name = disk.folder / "tablespace", "small_disk"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    server.run_sql(f"CREATE TABLESPACE {name} LOCATION '{folder}'")
    server.run_sql(f"CREATE DATABASE {name} TEMPLATE template0 TABLESPACE {name}")
    try:
        yield server.url_for(name)
    finally:
        server.drop(name)
        server.run_sql(f"DROP TABLESPACE {name}")


class Cart:
    """A bare MQTT client that counts what it is acked."""

    def __init__(self, port: int) -> None:
        self.acked: set[int] = set()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "cart-001")
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("fleet/v1/down/cart-001/ack", qos=1)
        self._client.loop_start()

    def send(self, *seqs: int) -> None:
        now = datetime.now(UTC)
        body = json.dumps(telemetry(*[reading(seq, at=now) for seq in seqs]))
        self._client.publish("fleet/v1/up/cart-001/telemetry", body, qos=1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        for first, last in json.loads(message.payload)["ranges"]:
            self.acked |= set(range(first, last + 1))


def readiness(environ: dict[str, str]) -> dict[str, Any]:
    """Every check by name. Raises OSError where nobody answers."""
    try:
        with urlopen(f"http://127.0.0.1:{environ['FLEET_HTTP_PORT']}/readyz", timeout=5) as answer:
            return dict(json.load(answer)["checks"])
    except HTTPError as error:
        return dict(json.load(error)["checks"])


def is_green(environ: dict[str, str]) -> bool:
    try:
        return all(check["ok"] for check in readiness(environ).values())
    except OSError:
        return False  # not started yet


def complaints(environ: dict[str, str]) -> dict[str, str]:
    return {name: check["do"] for name, check in readiness(environ).items() if not check["ok"]}


def stored(environ: dict[str, str]) -> list[int]:
    engine = create_engine(Settings.from_env(environ).database_url)
    with engine.connect() as connection:
        found = list(connection.scalars(text("SELECT seq FROM reading ORDER BY seq")))
    engine.dispose()
    return found


def processes(up: subprocess.Popen[bytes]) -> set[int]:
    return {child.pid for child in psutil.Process(up.pid).children(recursive=True)}


@contextmanager
def everything_running(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    settings = Settings.from_env(environ)
    settings.make_data_dir()
    upgrade(settings.database_url)
    app = create_worker(settings)
    with app.app_context():
        build_hospital(carts=1, now=datetime.now(UTC))
        app.extensions["sqlalchemy"].engine.dispose()
    with log.open("wb") as out:
        up = start([sys.executable, "-m", "fleet.cli", "up"], env=environ, stdout=out, stderr=out)
        try:
            wait_until(lambda: is_green(environ), timeout=40, interval=0.1)
            wait_until(lambda: b"Ctrl-C" in log.read_bytes())  # all that starting writes is written
            yield up
        finally:
            stop(up, timeout=60)


@pytest.mark.timeout(120)
def test_a_full_disk_acks_nothing_it_has_not_kept_and_all_is_kept_once_there_is_room(
    environ: dict[str, str], disk: SmallDisk, fresh_broker: Broker, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with everything_running(environ, log) as up, closing(Cart(fresh_broker.port)) as cart:
        cart.send(0)
        wait_until(lambda: cart.acked == {0})
        before, sent = processes(up), [0]
        with disk.full():

            def is_refused() -> bool:
                """What a database has in reserve may take the first of it."""
                more = range(len(sent), len(sent) + READINGS)
                sent.extend(more)
                cart.send(*more)
                return b"trying again" in log.read_bytes()

            wait_until(is_refused, timeout=20, interval=0.05)
            # PostgreSQL's disk is not seen from here: what it refuses is.
            red = "recording" if "FLEET_DATABASE_URL" in environ else "disk"
            wait_until(lambda: red in complaints(environ), timeout=15, interval=0.1)
            assert cart.acked < set(sent)
            assert cart.acked <= set(stored(environ))
        wait_until(lambda: cart.acked == set(sent), timeout=40, interval=0.1)
        assert stored(environ) == sent
        wait_until(lambda: is_green(environ), timeout=40, interval=0.1)
        assert processes(up) == before
