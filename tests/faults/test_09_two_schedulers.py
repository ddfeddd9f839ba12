"""Fault 9: of two schedulers the leading one is killed, or frozen; the other one goes on."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from fleet.store.database import db, transaction
from fleet.store.models import JobRun, Lease, OutboxMessage
from tests.support.broker import Broker
from tests.support.processes import ROOT, start, stop
from tests.support.waiting import wait_until

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
def pair(worker: Flask, database_url: str, broker: Broker, tmp_path: Path) -> Iterator[Pair]:
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
    for process in pair.processes.values():
        process.send_signal(signal.SIGCONT)
        stop(process)


def turns(app: Flask) -> dict[str, datetime]:
    with app.app_context():
        runs = db.session.execute(select(JobRun.name, JobRun.began_at))
        return {run.name: run.began_at for run in runs}


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def freeze(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGSTOP)


@pytest.mark.parametrize("strike", [kill, freeze])
def test_the_other_leads_within_a_minute_and_no_turn_of_a_job_is_done_twice(
    pair: Pair, strike: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    first = wait_until(lambda: pair.leader, timeout=20)
    assert pair.speaks()
    wait_until(lambda: "forget_old" in turns(pair.app), timeout=20)
    begun = turns(pair.app)
    strike(pair.processes[first])
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
