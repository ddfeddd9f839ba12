"""A real PostgreSQL of our own: fast, because losing it is no loss."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.support.processes import ensure_installed, free_port, start, stop
from tests.support.waiting import wait_until

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "timezone": "UTC",
}
_PREFIX = "wardfleet-pg-"
OLD_S = 3_600
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""What is committed survives a crash."""


class Postgres:
    """A server and the right to make databases in it."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")

    def url_for(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    def create(self, database: str, template: str = "template0") -> str:
        # By files: four times as quick as through the log, which nobody here will read.
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", database, template)
        return self.url_for(database)

    def freeze(self, database: str) -> None:
        """Close a database to connections, and end those there are, so that it can be copied."""
        self._run("ALTER DATABASE {} ALLOW_CONNECTIONS false", database)
        with self._connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                [database],
            )

    def drop(self, database: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def run_sql(self, statement: str) -> None:
        """As the superuser, in no transaction."""
        with self._connect() as connection:
            connection.execute(statement.encode())

    def _run(self, statement: str, *names: str) -> None:
        with self._connect() as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _connect(self) -> psycopg.Connection:
        url = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(url, autocommit=True)


@contextmanager
def private_cluster(**more: str) -> Iterator["Cluster"]:
    with cluster_folder() as folder:
        initdb(folder / "data")
        with serving(folder / "data", **more) as server:
            yield server


@contextmanager
def cluster_folder() -> Iterator[Path]:
    """PostgreSQL refuses to run as root, and a short name keeps its socket's short."""
    ensure_installed("postgresql")
    _clear_up_after_the_dead()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        if user := _server_user():
            shutil.chown(folder, user, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear_up_after_the_dead() -> None:
    """A run that was killed leaves its databases, in memory too: those of an ended server go.

    Not the young ones: while a cluster is made, one process after the other is its server.
    """
    for pid_file in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*/data/postmaster.pid"):
        with suppress(OSError, ValueError):  # another run may do the same
            folder, pid = pid_file.parents[1], abs(int(pid_file.read_text().splitlines()[0]))
            if time.time() - folder.stat().st_mtime > OLD_S and not psutil.pid_exists(pid):
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(data: Path, **more: str) -> Iterator["Cluster"]:
    """A server on this data directory, with these settings more."""
    cluster = Cluster(data, {**SETTINGS, **more})
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


class Cluster(Postgres):
    """A server of our own. It stays on its port through crash, stop and start."""

    def __init__(self, data: Path, settings: Mapping[str, str]) -> None:
        self._data, self._port = data, free_port()
        super().__init__(f"postgresql://postgres@127.0.0.1:{self._port}/postgres")
        own = {"port": str(self._port), "unix_socket_directories": str(data.parent)}
        self._arguments = [
            part for item in {**settings, **own}.items() for part in ("-c", "=".join(item))
        ]
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        folder = self._data.parent
        log = folder / "log"
        with log.open("ab") as out:
            server = self._server = start(
                [program("postgres"), "-D", self._data, *self._arguments],
                user=_server_user(), cwd=folder, stdout=out, stderr=out,
            )  # fmt: skip
        ready = [str(program("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(self._port)]
        try:
            wait_until(
                lambda: server.poll() is not None or subprocess.call(ready) == 0,
                timeout=30,
                interval=0.05,
                what="PostgreSQL to accept connections",
            )
            assert server.poll() is None, log.read_text()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """In order, and without waiting for those still connected."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """As a power cut would: nothing is finished, and what was committed is in its log."""
        self._end(signal.SIGQUIT)

    def _end(self, how: signal.Signals) -> None:
        if self._server is not None:
            self._server.send_signal(how)
            stop(self._server, timeout=30)
            self._server = None


def as_server_user(*command: str | Path) -> str:
    """Run a program of PostgreSQL's to its end; what it said."""
    done = start(
        command, user=_server_user(), cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = done.communicate(timeout=60)
    assert done.returncode == 0, output.decode()
    return output.decode()


def initdb(data: Path) -> None:
    as_server_user(
        program("initdb"), "-D", data, "-U", "postgres", "-A", "trust",
        "-E", "UTF8", "--locale=C", "--no-sync",
    )  # fmt: skip


def program(name: str) -> Path:
    return _binaries() / name


def _server_user() -> str | None:
    return "postgres" if os.geteuid() == 0 else None


def _binaries() -> Path:
    """Where initdb and postgres are: Debian keeps each major version in a folder of its own."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    assert found or on_path, "PostgreSQL is not installed"
    return (found[-1] if found else Path(on_path or "")).resolve().parent
