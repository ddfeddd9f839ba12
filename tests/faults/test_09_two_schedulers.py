"""Fault 9: of two schedulers the leading one is killed, or frozen; the other one goes on."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from flask import Flask
from sqlalchemy import func, select, text

from fleet.store.database import db, transaction
from fleet.store.models import JobRun, Lease, OutboxMessage
from tests.support.broker import Broker
from tests.support.processes import ROOT, start, stop, suspend
from tests.support.waiting import wait_until
from tests.support.which_database import on_postgresql

NAMES = ("one", "two")


class Pair:
    def __init__(self, app: Flask, environ: dict[str, str], folder: Path) -> None:
        self.app = app
        self.log = {name: folder / f"{name}.log" for name in NAMES}
        self.processes = {name: self._start(name, environ) for name in NAMES}

    def _start(self, name: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log[name].open("wb") as log:
            return start(
                [sys.executable, "-m", "fleet.cli", "schedule"],
                env=environ | {"FLEET_INSTANCE": name},
                cwd=ROOT,
                stderr=log,
            )

    @property
    def leader(self) -> str | None:
        with self.app.app_context():
            return db.session.scalar(select(Lease.holder))

    @property
    def can_write(self) -> bool:
        """Whether SQLite's lock is to be had; PostgreSQL locks rows."""
        with self.app.app_context():
            if db.engine.dialect.name != "sqlite":
                return True
            with closing(sqlite3.connect(db.engine.url.database or "", timeout=0.2)) as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    return False
                return True

    def other(self, name: str) -> str:
        return NAMES[1 - NAMES.index(name)]

    def speaks(self) -> bool:
        """Leave a message, and wait until it has been spoken."""
        with self.app.app_context():
            with transaction() as session:
                row = OutboxMessage(topic="t", payload=b"", created_at=datetime.now(UTC))
                session.add(row)

            def gone() -> bool:
                db.session.rollback()
                return not db.session.scalar(select(func.count()).select_from(OutboxMessage))

            wait_until(gone, timeout=20)
        return True


@pytest.fixture
def pair(
    request: pytest.FixtureRequest,
    worker: Flask,
    database_url: str,
    broker: Broker,
    tmp_path: Path,
) -> Iterator[Pair]:
    database_url += getattr(request, "param", "")
    environ = {
        "PATH": os.environ["PATH"],
        "FLEET_DATABASE_URL": database_url,
        "FLEET_DATA_DIR": str(tmp_path / "data"),
        "FLEET_MQTT_URL": broker.url,
        "FLEET_LOG": "text",
        "FLEET_LOG_LEVEL": "info",
    }
    pair = Pair(worker, environ, tmp_path)
    yield pair
    for name, process in pair.processes.items():
        print(f"{name}, exit status {process.poll()}:", pair.log[name].read_text())  # if it fails
        process.send_signal(signal.SIGCONT)
        stop(process)


def turns(app: Flask) -> dict[str, datetime]:
    with app.app_context():
        runs = db.session.execute(select(JobRun.name, JobRun.began_at))
        return {run.name: run.began_at for run in runs}


def kill(pair: Pair, name: str) -> None:
    pair.processes[name].kill()
    pair.processes[name].wait()


def freeze(pair: Pair, name: str) -> None:
    """Between two of its transactions: on SQLite a process that is stopped within one keeps the

    only lock there is, and nobody writes until it goes on or dies. PostgreSQL ends such a session.
    """

    def is_frozen() -> bool:
        suspend(pair.processes[name])
        if pair.can_write:
            return True
        pair.processes[name].send_signal(signal.SIGCONT)
        return False

    wait_until(is_frozen, timeout=20)


def freeze_in_its_transaction(pair: Pair, name: str) -> None:
    """As it renews its lease: it gets the row that it waits for, and cannot let go of it."""
    process = psutil.Process(pair.processes[name].pid)

    def is_there(state: str) -> bool:
        # Each time: it opens connections as it needs them.
        ports = {each.laddr.port for each in process.net_connections()}
        query = f"SELECT client_port FROM pg_stat_activity WHERE {state}"
        with db.engine.connect() as connection:
            return not ports.isdisjoint(connection.execute(text(query)).scalars())

    with pair.app.app_context():
        with db.engine.connect() as ours:
            ours.execute(text("SET idle_in_transaction_session_timeout = 0"))
            ours.execute(select(Lease.name).with_for_update())
            wait_until(lambda: is_there("wait_event_type = 'Lock'"), timeout=20)
            suspend(pair.processes[name])
        wait_until(lambda: is_there("state = 'idle in transaction'"), timeout=20)


IMPATIENT = "?options=-c%20idle_in_transaction_session_timeout%3D2s"
"""Our own patience with a session that stands still is 20 s."""


@on_postgresql
@pytest.mark.parametrize("pair", [IMPATIENT], indirect=True)
def test_a_leader_frozen_while_it_renews_its_lease_does_not_keep_it(pair: Pair) -> None:
    first = wait_until(lambda: pair.leader, timeout=60)
    second = pair.other(first)
    freeze_in_its_transaction(pair, first)
    wait_until(lambda: pair.leader == second, timeout=60)
    assert pair.speaks()
    pair.processes[first].send_signal(signal.SIGCONT)
    wait_until(lambda: b"stands by" in pair.log[first].read_bytes(), timeout=20)
    assert pair.leader == second


@pytest.mark.parametrize("strike", [kill, freeze])
def test_the_other_leads_within_a_minute_and_no_turn_of_a_job_is_done_twice(
    pair: Pair, strike: Callable[[Pair, str], None]
) -> None:
    first = wait_until(lambda: pair.leader, timeout=60)
    assert pair.speaks()
    wait_until(lambda: "forget_old" in turns(pair.app), timeout=20)
    begun = turns(pair.app)
    strike(pair, first)
    struck_at = datetime.now(UTC)
    second = pair.other(first)
    wait_until(lambda: pair.leader == second, timeout=60)
    assert pair.speaks()
    assert datetime.now(UTC) - struck_at < timedelta(seconds=60)
    assert turns(pair.app).items() >= begun.items()
    if strike is freeze:
        pair.processes[first].send_signal(signal.SIGCONT)
        wait_until(lambda: b"stands by" in pair.log[first].read_bytes(), timeout=20)
        assert pair.leader == second
