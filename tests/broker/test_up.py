"""The whole of it under one command, as a newcomer starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil
import pytest
from flask import Flask

from fleet.config import Settings
from fleet.up import greet
from tests.support.broker import Broker
from tests.support.processes import free_port
from tests.support.waiting import wait_until

SIZE = ["--wards=1", "--carts=3", "--tablets=1"]


class Running:
    def __init__(self, process: subprocess.Popen[str], http_port: int) -> None:
        self.process, self.http_port = process, http_port

    def status(self, path: str) -> int | None:
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code
        except OSError:
            return None

    def get(self, path: str) -> str:
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (URLError, OSError):
            return ""

    def pids_of(self, service: str) -> list[int]:
        """Those that live: a zombie has no command line any more."""
        found = []
        for process in self.family():
            with suppress(psutil.Error):
                if service in process.cmdline():
                    found.append(process.pid)
        return found

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def environment(folder: Path, **settings: object) -> dict[str, str]:
    wanted = {"FLEET_DATA_DIR": folder, **settings}
    clean = {k: v for k, v in os.environ.items() if not k.startswith("FLEET_")}
    return clean | {name: str(value) for name, value in wanted.items()}


@contextmanager
def running(folder: Path, http_port: int, mqtt_port: int, **settings: object) -> Iterator[Running]:
    ports = {"FLEET_HTTP_PORT": http_port, "FLEET_MQTT_PORT": mqtt_port}
    environ = environment(folder, FLEET_EST_PORT=free_port(), **ports, **settings)
    process = subprocess.Popen(
        [sys.executable, "-m", "fleet.cli", "up", "--demo", *SIZE],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Running(process, http_port)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=90)


@pytest.mark.timeout(120)
def test_one_command_shows_live_carts_and_its_end_leaves_no_process_and_keeps_the_data(
    tmp_path: Path,
) -> None:
    ports = free_port(), free_port()
    with running(tmp_path, *ports) as fleet:
        wait_until(lambda: '"ready":true' in fleet.get("/readyz"), timeout=40, interval=0.2)
        board = wait_until(
            lambda: text if "s ago" in (text := fleet.get("/wards/ward-2a")) else "",
            timeout=40,
            interval=0.2,
        )
        for tag in ("CART-001", "CART-002", "CART-003"):
            assert tag in board
        family = fleet.family()
        assert len(family) >= 5
        fleet.process.send_signal(signal.SIGINT)
        output, _ = fleet.process.communicate(timeout=90)
        assert fleet.process.returncode == 0
        assert "/setup/" in output
        assert not [p for p in family if p.is_running() and p.status() != "zombie"]
    with running(tmp_path, *ports) as fleet:
        wait_until(lambda: "CART-001" in fleet.get("/wards/ward-2a"), timeout=40, interval=0.2)


def test_a_bad_setting_stops_the_start_with_one_clear_line(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "fleet.cli", "up"],
        env=environment(tmp_path, FLEET_HTTP_PORT="eighty"),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stderr == (
        "fleet: FLEET_HTTP_PORT=eighty: must be a whole number from 1 to 65535\n"
    )


def test_a_taken_port_is_named_before_anything_is_started(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "fleet.cli", "up"],
            env=environment(
                tmp_path,
                FLEET_HTTP_PORT=port,
                FLEET_MQTT_PORT=free_port(),
                FLEET_EST_PORT=free_port(),
            ),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert ended.returncode != 0
    assert f"FLEET_HTTP_PORT={port}: another program listens" in ended.stderr


def refused(folder: Path, **settings: object) -> str:
    """What a start says that comes to nothing."""
    names = ("FLEET_HTTP_PORT", "FLEET_MQTT_PORT", "FLEET_EST_PORT")
    ports = {name: free_port() for name in names}
    ended = subprocess.run(
        [sys.executable, "-m", "fleet.cli", "up"],
        env=environment(folder, **{**ports, **settings}),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert ended.returncode != 0
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    return ended.stderr


def test_a_database_that_cannot_be_reached_is_one_clear_line_without_its_password(
    tmp_path: Path,
) -> None:
    port = free_port()
    said = refused(
        tmp_path, FLEET_DATABASE_URL=f"postgresql://me:hunter2@127.0.0.1:{port}/wardfleet"
    )
    assert said.startswith(
        "fleet: FLEET_DATABASE_URL=postgresql+psycopg://me:***@127.0.0.1:"
        f"{port}/wardfleet: cannot connect ("
    )
    assert "efused" in said
    assert "hunter2" not in said


def test_a_database_file_in_no_folder_is_one_clear_line(tmp_path: Path) -> None:
    said = refused(tmp_path / "data", FLEET_DATABASE_URL=f"sqlite:///{tmp_path}/none/x.sqlite")
    assert "cannot connect (unable to open database file)" in said


def test_an_address_that_this_machine_has_not_is_named(tmp_path: Path) -> None:
    for host in ("192.0.2.1", "no-such-host.invalid"):
        assert refused(tmp_path, FLEET_HTTP_HOST=host).startswith(
            f"fleet: FLEET_HTTP_HOST={host}: cannot listen there ("
        )


def test_what_is_not_ready_is_named_and_nothing_is_called_running(
    worker: Flask, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    greet(worker, settings, ["ingest", "web"])
    said = capsys.readouterr().out
    assert "Wardfleet is running." not in said
    assert "Not ready yet: ingest, web." in said
    assert "/setup/" in said
    greet(worker, settings, [])
    assert "Wardfleet is running." in capsys.readouterr().out


def test_with_a_broker_of_ones_own_none_is_started(tmp_path: Path, fresh_broker: Broker) -> None:
    ports = free_port(), free_port()
    with running(tmp_path, *ports, FLEET_MQTT_URL=fresh_broker.url) as fleet:
        wait_until(lambda: '"ready":true' in fleet.get("/readyz"), timeout=40, interval=0.2)
        assert "mosquitto" not in {process.name() for process in fleet.family()}


def test_readiness_says_so_when_the_broker_is_lost_and_when_it_is_back(
    tmp_path: Path, fresh_broker: Broker
) -> None:
    ports = free_port(), free_port()
    with running(tmp_path, *ports, FLEET_MQTT_URL=fresh_broker.url) as fleet:
        wait_until(lambda: '"ready":true' in fleet.get("/readyz"), timeout=40, interval=0.2)
        fresh_broker.stop()
        wait_until(lambda: fleet.status("/readyz") == 503, timeout=40, interval=0.2)
        assert fleet.status("/healthz") == 200
        fresh_broker.start()
        wait_until(lambda: '"ready":true' in fleet.get("/readyz"), timeout=40, interval=0.2)


def test_a_service_that_dies_is_started_again(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    with running(tmp_path, *ports) as fleet:
        wait_until(lambda: '"ready":true' in fleet.get("/readyz"), timeout=40, interval=0.2)
        [first] = fleet.pids_of("ingest")
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: fleet.pids_of("ingest") not in ([], [first]), timeout=20, interval=0.2)


def test_a_second_start_on_the_same_data_is_refused(tmp_path: Path) -> None:
    ports = free_port(), free_port()
    with running(tmp_path, *ports) as fleet:
        wait_until(lambda: fleet.status("/healthz") == 200, timeout=40, interval=0.2)
        ended = subprocess.run(
            [sys.executable, "-m", "fleet.cli", "up"],
            env=environment(tmp_path, FLEET_HTTP_PORT=free_port(), FLEET_MQTT_PORT=free_port()),
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
    assert ended.returncode != 0
    assert "fleet is running on it already" in ended.stderr
