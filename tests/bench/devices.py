"""The device list at 1,000 and at 100,000 devices, on both databases: `make bench-devices`."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from sqlalchemy import insert, text

from fleet import create_worker
from fleet.config import Settings
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import search_tokens
from fleet.store.database import db, transaction
from fleet.store.migrate import upgrade
from fleet.store.models import Configuration, Device, DeviceState, SearchToken
from fleet.store.queries.devices import DeviceFilter, count_devices, find_devices
from tests.support.postgres import private_cluster

SIZES = (1_000, 100_000)
ROUNDS = 200
WARDS = 500
WORDS = ("available", "in_use", "charging", "low", "unavailable")
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
        _fill(size)
        middle = _tag(size // 2)
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


def _fill(size: int) -> None:
    add_site("bench", "Bench", "UTC", "bench", NOW)
    for n in range(WARDS):
        add_ward("bench", f"ward-{n}", f"Ward {n}", "bench", NOW)
    with transaction() as session:
        for begin in range(0, size, 5_000):
            numbers = range(begin, min(begin + 5_000, size))
            devices = [_device(n) for n in numbers]
            session.execute(insert(Device), devices)
            session.execute(
                insert(DeviceState),
                [
                    {
                        "device_pk": n + 1,
                        "availability": WORDS[n % 97 % 5 if n % 97 < 90 else 3],
                        "online": True,
                        "soc_pct": n % 101,
                        "last_seen_at": NOW,
                        "offline_after": NOW + timedelta(hours=1),
                    }
                    for n in numbers
                ],
            )
            session.execute(insert(Configuration), [{"device_pk": n + 1} for n in numbers])
            tokens = [
                {"token": token, "device_pk": device["id"]}
                for device in devices
                for token in search_tokens(Device(**device))
            ]
            session.execute(insert(SearchToken), tokens)
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def _device(n: int) -> dict[str, object]:
    return {
        "id": n + 1,
        "device_id": _tag(n).lower(),
        "asset_tag": _tag(n),
        "kind": "medication_cart",
        "serial": f"MC{n * 7919 % 10**7:07d}",
        "ward_id": n % WARDS + 1,
        "created_at": NOW,
    }


def _tag(n: int) -> str:
    return f"CART-{n:06d}"


def _let_go(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


if __name__ == "__main__":
    main()
