"""Fault 6: the database away for long. Bounded memory, then all of it drained, nothing dropped.

Thirty minutes of it are in `make soak`; here it is away for as long as it takes to fill whatever
ingest would fill.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil
import pytest
from sqlalchemy import make_url

from tests.faults.conftest import LONG, Stage
from tests.faults.generator import Line
from tests.faults.service import MOST_MB, Process, memory_mb
from tests.support.postgres import Cluster
from tests.support.waiting import wait_until

AWAY_S = 30 if LONG else 4
BACKLOGS = 400


def test_what_comes_while_the_database_is_away_is_recorded_when_it_is_back(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    ingest = stage.service.ingest()
    with stage.population() as devices:
        devices.acks_more(300)
        with database_away(stage, request):
            time_is_up = time.monotonic() + AWAY_S
            acked: list[int] = []

            def note() -> bool:
                acked.append(devices.acked)
                return time.monotonic() >= time_is_up

            wait_until(note, timeout=AWAY_S + 5, interval=0.5)
            assert acked[2] == acked[-1], "acked while nothing could be recorded"
            assert memory_mb(ingest) < MOST_MB
        devices.acks_more(300)
        stage.verify(devices, timeout=120)
        assert memory_mb(ingest) < MOST_MB


@pytest.mark.suite_on("sqlite")
def test_backlogs_that_come_while_the_database_is_away_do_not_fill_the_memory(
    stage: Stage, request: pytest.FixtureRequest
) -> None:
    """After an outage every device sends what it kept, in messages of half a megabyte."""
    ingest = stage.service.ingest()
    with stage.population(10) as devices:
        devices.acks_more(10)
        with database_away(stage, request):
            line = Line(stage.broker.url, lambda _topic, _payload: None)
            line.wait_until(lambda: line.is_ready)
            for name in stage.devices[10 : 10 + BACKLOGS]:
                line.publish(f"fleet/v1/up/{name}/telemetry", b"x" * 500_000)
            line.wait_until(lambda: line.is_confirmed)
            wait_until(lambda: is_at_rest(ingest), timeout=60, interval=0.5)
            assert memory_mb(ingest) < MOST_MB
        stage.verify(devices)


def is_at_rest(process: Process) -> bool:
    """It takes nothing in any more: half a second passed without a twentieth of it at work."""
    return psutil.Process(process.pid).cpu_percent(interval=0.5) < 5


@contextmanager
def database_away(stage: Stage, request: pytest.FixtureRequest) -> Iterator[None]:
    """PostgreSQL is stopped; SQLite is locked by another process that does not let go."""
    if stage.database_url.startswith("sqlite"):
        path = make_url(stage.database_url).database
        with closing(sqlite3.connect(path or "", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    cluster.stop()
    try:
        yield
    finally:
        cluster.start()
