"""`fleet up`: check, migrate, start everything, say where it is, and stop it all again."""

import errno
import logging
import socket
import ssl
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from socket import SOCK_STREAM

from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from fleet import create_worker
from fleet.broker import is_listening, mosquitto_command
from fleet.config import SettingError, Settings
from fleet.data_dir import only_one
from fleet.demo import Demo, enter_demo, give_certificates
from fleet.environment import reached
from fleet.pki.authority import Authority
from fleet.pki.folder import AuthorityError
from fleet.recovery import litestream
from fleet.services.first_administrator import offer
from fleet.signals import stop_on_signals
from fleet.store.database import engine_options, in_words
from fleet.store.migrate import upgrade
from fleet.supervisor import Service, Supervisor

log = logging.getLogger(__name__)

_FLEET = [sys.executable, "-m", "fleet.cli"]


def up(settings: Settings, demo: Demo | None) -> None:
    """Run until Ctrl-C or SIGTERM. Raises SettingError before anything is started."""
    settings.make_data_dir()
    with only_one(settings.data_dir):
        _check_ports(settings)
        _check_database(settings)
        authority = _make_authority(settings)
        upgrade(settings.database_url)
        app = create_worker(settings)
        if demo is not None:
            with app.app_context():
                now = datetime.now(UTC)
                enter_demo(demo, settings.data_dir, now)
                give_certificates(demo, authority, settings.pki.ca, settings.data_dir, now)
        supervisor = Supervisor(_services(settings, demo))
        stop = stop_on_signals()
        try:
            unready = supervisor.start(stop)
            if not stop.is_set():
                greet(app, settings, unready)
            supervisor.watch(stop)
        finally:
            print("Stopping ...", flush=True)
            supervisor.shut_down()


def _services(settings: Settings, demo: Demo | None) -> list[Service]:
    services = []
    if settings.own_broker:
        services.append(mosquitto(settings))
    if settings.litestream_url:
        services.append(Service("litestream", litestream.command(settings)))
    services += [
        Service("ingest", [*_FLEET, "ingest"]),
        Service("schedule", [*_FLEET, "schedule"]),
        Service("est", [*_FLEET, "est"], rereads=[settings.pki.files("server").cert or Path()]),
        Service("web", [*_FLEET, "web"], lambda: _is_ready(settings)),
    ]
    if demo is not None:
        arguments = demo.arguments(settings.data_dir)
        services.append(Service("simulate", [*_FLEET, "simulate", *arguments]))
    return services


def mosquitto(settings: Settings) -> Service:
    """Told whenever the authority has revoked or renewed something."""
    host, port = reached(settings.device_host), settings.mqtt_port
    own = settings.pki.files("server")
    rereads = [path for path in (settings.pki.crl, own.cert, own.ca) if path]
    command = mosquitto_command(settings)
    return Service("mosquitto", command, lambda: is_listening(port, host), rereads)


def _is_ready(settings: Settings) -> bool:
    try:
        connection = _connection(settings)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


def _connection(settings: Settings) -> HTTPConnection:
    host, port, tls = reached(settings.http_host), settings.http_port, settings.http_tls()
    if tls is None:
        return HTTPConnection(host, port, timeout=2)
    context = ssl.create_default_context()
    # A question to ourselves: a certificate of one's own names a host that nobody here calls.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(host, port, timeout=2, context=context)


def greet(app: Flask, settings: Settings, unready: Sequence[str]) -> None:
    """Where everything is; and what does not work yet, which is kept running all the same."""
    address = settings.pages_url
    token = _setup_token(app)
    lines = ["", "Wardfleet is running."]
    if unready:
        lines = [
            "",
            f"Not ready yet: {', '.join(unready)}. What is missing, and what to do:",
            f"  {address}/readyz, and the log above",
            "It goes on trying. Where everything will be:",
        ]
    lines += [
        f"  Ward boards      {address}/",
        f"  IT               {address}/it",
        f"  REST API         {address}/api/v1/docs",
        f"  Enrolment        {settings.est_url}",
    ]
    if token is not None:
        lines += [
            "",
            "No administrator yet. This link makes the first one; it works once, for an hour:",
            f"  {address}/setup/{token}",
        ]
    print("\n".join([*lines, "", "Ctrl-C stops it."]), flush=True)


def _setup_token(app: Flask) -> str | None:
    """None where there is an administrator, or a database that takes no writes just now: what runs
    goes on, and `fleet setup-link` makes a link later."""
    try:
        with app.app_context():
            return offer(datetime.now(UTC))
    except SQLAlchemyError as error:
        log.warning("no link for the first administrator: %s", in_words(error))
        return None


def _check_ports(settings: Settings) -> None:
    _check_free("FLEET_HTTP", settings.http_host, settings.http_port)
    _check_free("FLEET_EST", settings.device_host, settings.est_port, "FLEET_DEVICE")
    if settings.own_broker:
        _check_free("FLEET_MQTT", settings.device_host, settings.mqtt_port, "FLEET_DEVICE")


def _check_free(prefix: str, host: str, port: int, host_prefix: str | None = None) -> None:
    """Bound for a moment, as its service is about to do."""
    name = f"{prefix}_PORT"
    try:
        family, kind, *_, address = socket.getaddrinfo(host.strip("[]"), port, type=SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = "another program listens on this port; end it, or set {} to a free one"
            raise SettingError(f"{name}={port}: {problem.format(name)}") from error
        if error.errno == errno.EACCES:
            problem = "this user may not listen on it; set {} to 1024 or more"
            raise SettingError(f"{name}={port}: {problem.format(name)}") from error
        raise SettingError(
            f"{host_prefix or prefix}_HOST={host}: cannot listen there ({error.strerror}); "
            "name an address of this machine"
        ) from error


def _make_authority(settings: Settings) -> Authority:
    try:
        return settings.pki.make(settings.server_names(), datetime.now(UTC))
    except AuthorityError as error:
        raise SettingError(str(error)) from error


def _check_database(settings: Settings) -> None:
    url = settings.database_url
    engine = create_engine(url, **engine_options(url))
    try:
        engine.connect().close()
    except SQLAlchemyError as error:
        shown = engine.url.set(query={}).render_as_string(hide_password=True)
        cause = str(getattr(error, "orig", error)).partition("\n")[0]
        raise SettingError(f"FLEET_DATABASE_URL={shown}: cannot connect ({cause})") from error
    finally:
        engine.dispose()
