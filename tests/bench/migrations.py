"""Migration 0002 and its way back, with ingest writing beside it: `make bench-migrations`.

10 million readings of 30 days and 10,000 devices on both databases, and a writer of before, 50
readings every 20 ms. They are filled in as they lie: on SQLite device by device, on PostgreSQL as
they came. Fewer readings: `python -m tests.bench.migrations 1_000_000`.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select

from tests.bench.filling import fill
from tests.support.migrating import (
    READING,
    Writer,
    downgrade,
    engine_for,
    enter_devices,
    upgrade,
    writing,
)
from tests.support.postgres import private_cluster

DEVICES = 10_000
SPAN = timedelta(days=30)
SAFE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
"""PostgreSQL as it is run where nothing may be lost."""
INDICES = {
    "ix_reading_device_sampled": "device_pk, sampled_at",
    "ix_reading_received": "received_at",
}


def main() -> None:
    readings = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    print(f"{readings:,} readings")
    print("| database | way | it took | readings written beside it | their longest wait | rows |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        _bench("SQLite", engine_for(f"sqlite:///{Path(folder) / 'bench.sqlite'}"), readings)
    with private_cluster(**SAFE) as server:
        _bench("PostgreSQL", engine_for(server.create("bench")), readings)


def _bench(name: str, engine: Engine, readings: int) -> None:
    upgrade(engine, "0001")
    enter_devices(engine, DEVICES)
    _fill(engine, readings // DEVICES)
    ways: dict[str, Callable[[], object]] = {
        "none": lambda: time.sleep(20),
        "up": lambda: upgrade(engine, "0002"),
        "down": lambda: downgrade(engine, "0001"),
    }
    expected = readings
    for number, (way, migrate) in enumerate(ways.items(), 1):
        begun = time.monotonic()
        with Writer(engine, [], seq=number * 100_000_000) as writer:
            migrate()
        assert writer.failure is None, writer.failure
        expected += writer.written
        print(
            f"| {name} | {way} | {time.monotonic() - begun:.0f} s | {writer.written:,}"
            f" | {writer.longest_s * 1000:.0f} ms | {_count(engine):,} of {expected:,} |",
            flush=True,
        )
    engine.dispose()


def _fill(engine: Engine, each: int) -> None:
    """Without the indices but for the key: they are made afterwards, which is much faster."""
    with writing(engine) as connection:
        for name in INDICES:
            connection.exec_driver_sql(f"DROP INDEX {name}")
        fill(connection, datetime.now(UTC) - SPAN, SPAN / each, each, DEVICES)
        for name, columns in INDICES.items():
            connection.exec_driver_sql(f"CREATE INDEX {name} ON reading ({columns})")


def _count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(READING)) or 0


if __name__ == "__main__":
    main()
