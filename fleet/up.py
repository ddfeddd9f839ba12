"""`fleet up`: check, migrate, start everything, say where it is, and stop it all again."""

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from ipaddress import ip_address
from pathlib import Path

from flask import Flask

from fleet import create_worker
from fleet.broker import is_listening, mosquitto_command
from fleet.config import SettingError, Settings
from fleet.demo import Demo, enter_demo
from fleet.services.first_administrator import offer
from fleet.signals import stop_on_signals
from fleet.store.migrate import upgrade
from fleet.supervisor import Service, Supervisor

_FLEET = [sys.executable, "-m", "fleet.cli"]


def up(settings: Settings, demo: Demo | None) -> None:
    """Run until Ctrl-C or SIGTERM. Raises SettingError before anything is started."""
    settings.make_data_dir()
    with _only_one(settings.data_dir):
        _check_ports(settings)
        upgrade(settings.database_url)
        app = create_worker(settings)
        if demo is not None:
            with app.app_context():
                enter_demo(demo, datetime.now(UTC))
        supervisor = Supervisor(_services(settings, demo))
        stop = stop_on_signals()
        try:
            supervisor.start(stop)
            if not stop.is_set():
                _greet(app, settings)
            supervisor.watch(stop)
        finally:
            print("Stopping ...", flush=True)
            supervisor.shut_down()


def _services(settings: Settings, demo: Demo | None) -> list[Service]:
    port = settings.mqtt_port
    services = []
    if settings.own_broker:
        command = mosquitto_command(settings)
        services.append(Service("mosquitto", command, lambda: is_listening(port)))
    services += [
        Service("ingest", [*_FLEET, "ingest"]),
        Service("schedule", [*_FLEET, "schedule"]),
        Service("web", [*_FLEET, "web"], lambda: _is_ready(settings)),
    ]
    if demo is not None:
        services.append(Service("simulate", [*_FLEET, "simulate", *demo.arguments()]))
    return services


def _is_ready(settings: Settings) -> bool:
    try:
        connection = HTTPConnection(*_host_and_port(settings), timeout=2)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False


def _address(settings: Settings) -> str:
    return "http://{}:{}".format(*_host_and_port(settings))


def _host_and_port(settings: Settings) -> tuple[str, int]:
    """Where to reach what is bound there: every address means, from here, this machine."""
    host = ip_address(settings.http_host) if settings.http_host[:1].isdigit() else None
    everywhere = host is not None and host.is_unspecified
    return "127.0.0.1" if everywhere else settings.http_host, settings.http_port


def _greet(app: Flask, settings: Settings) -> None:
    address = _address(settings)
    with app.app_context():
        token = offer(datetime.now(UTC))
    lines = [
        "",
        "Wardfleet is running.",
        f"  Ward boards      {address}/",
        f"  IT               {address}/it",
        f"  REST API         {address}/api/v1/docs",
    ]
    if token is not None:
        lines += [
            "",
            "No administrator yet. This link makes the first one; it works once, for an hour:",
            f"  {address}/setup/{token}",
        ]
    print("\n".join([*lines, "", "Ctrl-C stops it."]), flush=True)


def _check_ports(settings: Settings) -> None:
    wanted = [("FLEET_HTTP_PORT", settings.http_port)]
    if settings.own_broker:
        wanted.append(("FLEET_MQTT_PORT", settings.mqtt_port))
    for name, port in wanted:
        if is_listening(port):
            raise SettingError(
                f"{name}={port}: another program listens on this port; "
                f"end it, or set {name} to a free one"
            )


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """The lock goes with the process, however that ends."""
    with (data_dir / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise SettingError(
                f"FLEET_DATA_DIR={data_dir}: fleet is running on it already"
            ) from error
        yield
