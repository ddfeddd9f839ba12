"""The device list at 1,000 and at 100,000 devices, on both databases: `make bench-devices`."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask

from fleet import create_worker
from fleet.config import Settings
from fleet.store.database import db
from fleet.store.migrate import upgrade
from fleet.store.queries.devices import DeviceFilter, count_devices, find_devices
from tests.bench.hospital import fill, tag
from tests.support.postgres import private_cluster

SIZES = (1_000, 100_000)
ROUNDS = 200
WARDS = 500
NOW = datetime.now(UTC)


def main() -> None:
    print("| database | devices | first page | page in the middle | search | filter | count |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, private_cluster() as server:
        for size in SIZES:
            _table("SQLite", size, f"sqlite:///{folder}/{size}.sqlite", Path(folder))
            _table("PostgreSQL", size, server.create(f"bench{size}"), Path(folder))


def _table(name: str, size: int, url: str, folder: Path) -> None:
    upgrade(url)
    app = create_worker(
        Settings.from_env({"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(folder / "data")})
    )
    with app.app_context():
        fill(size, WARDS)
        middle = tag(size // 2)
        asked: tuple[Callable[[int], object], ...] = (
            lambda n: find_devices(DeviceFilter(), NOW),
            lambda n: find_devices(DeviceFilter(), NOW, middle),
            lambda n: find_devices(DeviceFilter(search=str(n * 37 % size)), NOW),
            lambda n: find_devices(DeviceFilter(availability="low", ward=f"ward-{n}"), NOW),
            lambda n: count_devices(DeviceFilter(availability="available"), NOW),
        )
        cells = " | ".join(_timed(question) for question in asked)
    print(f"| {name} | {size:,} | {cells} |", flush=True)
    _let_go(app)


def _timed(question: Callable[[int], object]) -> str:
    """p50 / p99 in milliseconds, each in a transaction of its own, as a page has it."""
    taken = []
    for n in range(ROUNDS):
        begun = time.perf_counter()
        question(n)
        db.session.rollback()
        taken.append(1000 * (time.perf_counter() - begun))
    taken.sort()
    return f"{taken[ROUNDS // 2]:.1f} / {taken[int(ROUNDS * 0.99) - 1]:.1f} ms"


def _let_go(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


if __name__ == "__main__":
    main()
