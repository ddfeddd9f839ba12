"""Messages a second into the database, beside the raw ceilings: `make bench-ingest`.

Broker, database, load and service all run on this machine. Each row is a run of its own, all within
one call. Nothing is timed from within the service: the load counts what devices are told is kept,
after the commit.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select, text

from fleet import create_worker
from fleet.config import Settings
from fleet.store.database import db, transaction
from fleet.store.migrate import upgrade
from fleet.store.models import Reading
from fleet.store.partitions import make_partition
from fleet.store.rollup import DAY, day_of
from tests.bench.hospital import fill
from tests.support.broker import Broker
from tests.support.postgres import DURABLE, private_cluster
from tests.support.processes import ROOT, start, stop
from tests.support.waiting import wait_until

WARDS = 50
# As a hospital would run it: every commit on disk, and memory enough.
HOSPITAL = {"shared_buffers": "1GB", "max_wal_size": "4GB", "wal_compression": "lz4"}


@dataclass
class Place:
    """A broker and a filled database; `processes` are those whose work is accounted for."""

    broker: Broker
    settings: Settings
    folder: Path
    processes: dict[str, list[psutil.Process]] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """Messages a second, and what they took: CPU in microseconds a message, memory in MB."""

    rate: float
    lost: int
    latency: dict[str, float]
    cpu: dict[str, float]
    memory: dict[str, float]


@contextmanager
def place(database: str, devices: int, preloaded: int, wards: int = WARDS) -> Iterator[Place]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = Broker(folder)
        broker.start()
        stack.callback(broker.stop)
        here = Place(broker, _settings(stack, database, folder, broker.url), folder)
        here.processes["broker"] = [psutil.Process(broker.pid)]
        if database == "PostgreSQL":
            mine = psutil.Process().children()
            here.processes["database"] = [p for p in mine if p.name() == "postgres"]
        upgrade(here.settings.database_url)
        with create_worker(here.settings).app_context():
            fill(devices, wards)
            preload(preloaded, devices)
            db.engine.dispose()
        yield here


def _settings(stack: ExitStack, database: str, folder: Path, mqtt_url: str) -> Settings:
    environ = {"FLEET_DATA_DIR": f"{folder}/data", "FLEET_MQTT_URL": mqtt_url}
    if database == "PostgreSQL":
        server = stack.enter_context(private_cluster(**DURABLE, **HOSPITAL))
        environ["FLEET_DATABASE_URL"] = server.create("bench").replace("+psycopg", "")
    stack.enter_context(_environment(environ))
    settings = Settings.from_env()
    settings.make_data_dir()
    return settings


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def preload(count: int, devices: int) -> None:
    """`count` readings until now, as if they had come in: each device in its turn, every 30 s."""
    begin = datetime.now(UTC) - (count // devices + 1) * timedelta(seconds=30)
    if db.engine.dialect.name == "postgresql":
        for days in range((datetime.now(UTC) - begin).days + 2):
            with transaction() as session:
                make_partition(session, day_of(begin) + days * DAY)
    at_once = 100_000
    for first in range(0, count, at_once):
        with transaction() as session:
            session.execute(_PRELOAD[db.engine.dialect.name], {
                "first": first, "last": min(first + at_once, count) - 1, "devices": devices,
                "begin": begin if db.engine.dialect.name == "postgresql"
                else int(begin.timestamp() * 1000),
            })  # fmt: skip


_COLUMNS = (
    "device_pk, boot, seq, slot, sampled_at, received_at, soc_pct, status, power_source, "
    "current_ma, cycle_count, remaining_mah, full_charge_mah"
)
_VALUES = (
    "n % :devices + 1, 0, n / :devices, 0, {at}, {at}, 50 + n % 50, 1, 0, -2000, 100, 20000, 40000"
)
_PRELOAD = {
    "postgresql": text(
        f"INSERT INTO reading ({_COLUMNS}) SELECT "
        + _VALUES.format(at="CAST(:begin AS timestamptz) + n / :devices * interval '30 s'")
        + " FROM generate_series(CAST(:first AS bigint), :last) AS n"
    ),
    "sqlite": text(
        "WITH RECURSIVE counted(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM counted "
        f"WHERE n < :last) INSERT INTO reading ({_COLUMNS}) SELECT "
        + _VALUES.format(at=":begin + n / :devices * 30000")
        + " FROM counted"
    ),
}


@contextmanager
def receiver(here: Place, count: int) -> Iterator[list[str]]:
    """`count` ingest processes, or with 0 the raw receiver.

    Yields the arguments by which the load knows what is done.
    """
    with ExitStack() as stack:
        if count:
            commands = [[sys.executable, "-m", "fleet.cli", "ingest"]] * count
            arguments: list[str] = []
        else:
            progress = here.folder / "progress"
            progress.write_bytes(bytes(8))
            commands = [
                [sys.executable, "-m", "tests.bench.raw", str(here.broker.port), str(progress)]
            ]
            arguments = ["--progress", str(progress)]
        running = [start(command, cwd=ROOT) for command in commands]
        for process in running:
            stack.callback(stop, process)
        here.processes["ingest"] = [psutil.Process(process.pid) for process in running]
        _wait_for_subscribers(here, len(running))
        yield arguments


def _wait_for_subscribers(here: Place, count: int) -> None:
    """A receiver is ready when it has as many connections to the broker as it needs."""

    def ready() -> bool:
        found = sum(
            c.raddr and c.raddr.port == here.broker.port and c.status == "ESTABLISHED"
            for p in here.processes["ingest"] for c in p.net_connections()
        )  # fmt: skip
        return found >= count

    wait_until(ready, timeout=30)
    time.sleep(1)  # and its subscription is granted


def measure(here: Place, devices: int, workers: int, seconds: float, **load: Any) -> Measured:
    with receiver(here, workers) as arguments:
        options = [part for key, value in load.items() for part in (f"--{key}", str(value))]
        before, rows = _spent(here), readings(here)
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load", "--port", str(here.broker.port),
             "--devices", str(devices), "--seconds", str(seconds), *options, *arguments],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        after = _spent(here)
        if workers:  # what was acked is there, and it is new
            assert readings(here) - rows == result["sent"] + result["warm_up"]
        memory = {
            name: max(p.memory_info().rss for p in processes) / 1e6
            for name, processes in here.processes.items()
        }
    return Measured(
        rate=result["rate"],
        lost=result["sent"] - result["done"],
        latency=result["latencies_ms"],
        cpu={name: 1e6 * (after[name] - before[name]) / result["done"] for name in after},
        memory=memory,
    )


def store_alone(here: Place, devices: int, seconds: float) -> float:
    """Readings a second that ingest's statements store when there is nothing else to do."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.raw_store", "--devices", str(devices),
         "--seconds", str(seconds)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def readings(here: Place) -> int:
    with create_worker(here.settings).app_context():
        count = db.session.scalar(select(func.count()).select_from(Reading)) or 0
        db.session.remove()
        db.engine.dispose()
    return count


def _spent(here: Place) -> dict[str, float]:
    """CPU seconds so far. A database's children come and go: those that ended count with it."""
    spent = {}
    for name, processes in here.processes.items():
        total = 0.0
        for process in processes:
            for each in [process, *process.children(recursive=True)]:
                times = each.cpu_times()
                total += times.user + times.system
                if each == process:
                    total += times.children_user + times.children_system
        spent[name] = total
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--preloaded", type=int, default=2_000_000)
    parser.add_argument("--seconds", type=float, default=15)
    asked = parser.parse_args()
    print(
        "| run | messages/s | of the raw receive ceiling | CPU us a message | memory MB "
        "| p50 / p99 / most ms |"
    )
    print("|---|---|---|---|---|---|")
    for database in ("PostgreSQL", "SQLite"):
        with place(database, asked.devices, asked.preloaded) as here:
            raw = measure(here, asked.devices, 0, asked.seconds)
            _row(f"{database}: paho receives, nothing stored", raw, raw)
            stored = store_alone(here, asked.devices, asked.seconds)
            share = stored / raw.rate
            print(
                f"| {database}: bulk writes alone | {stored:,.0f} | {share:.2f} | | | |", flush=True
            )
            whole = measure(here, asked.devices, 1, asked.seconds)
            _row(f"{database}: whole path, one ingest", whole, raw)
            if database == "PostgreSQL":
                two = measure(here, asked.devices, 2, asked.seconds)
                _row(f"{database}: whole path, two ingest", two, raw)
            for rate in (1_000, int(0.8 * whole.rate)):
                paced = measure(here, asked.devices, 1, asked.seconds, rate=rate)
                _row(f"{database}: {rate:,}/s offered, one ingest", paced, raw)


def _row(name: str, done: Measured, raw: Measured) -> None:
    assert done.lost == 0, f"{name}: {done.lost} messages were never acked"
    cpu = ", ".join(f"{what} {value:.0f}" for what, value in done.cpu.items())
    memory = ", ".join(f"{what} {value:.0f}" for what, value in done.memory.items())
    latency = " / ".join(f"{value:.0f}" for value in done.latency.values())
    figures = f"{done.rate:,.0f} | {done.rate / raw.rate:.2f} | {cpu} | {memory} | {latency}"
    print(f"| {name} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
