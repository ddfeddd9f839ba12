"""The batteries page at 100,000 packs, on both databases: `python -m tests.bench.batteries`."""

import tempfile
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import insert, text

from fleet import create_worker
from fleet.config import Settings
from fleet.store.database import db, transaction
from fleet.store.migrate import upgrade
from fleet.store.models import BatteryPack, PackState
from fleet.store.queries.batteries import Order, PackFilter, PackKey, count_packs, find_packs
from fleet.store.queries.battery_totals import due_packs, health_of_fleet, packs_to_order
from tests.bench import devices
from tests.bench.hospital import NOW, fill
from tests.support.postgres import private_cluster

PACKS, WARDS, WEAR_BYTES = 100_000, 500, 800
TODAY = NOW.date()


def main() -> None:
    devices.ROUNDS = 30
    print(
        "| database | list | middle | by health | search | model | ward | count | health | due "
        "| order |"
    )
    with tempfile.TemporaryDirectory() as folder, private_cluster() as server:
        _row("SQLite", f"sqlite:///{folder}/packs.sqlite", Path(folder))
        _row("PostgreSQL", server.create("packs"), Path(folder))


def _row(name: str, url: str, folder: Path) -> None:
    upgrade(url)
    environment = {"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(folder / "data")}
    with create_worker(Settings.from_env(environment)).app_context():
        fill(PACKS, WARDS)
        _fill_packs()
        middle = PackKey(str(TODAY + timedelta(days=900)), 5)
        asked = (
            lambda n: find_packs(PackFilter(), TODAY),
            lambda n: find_packs(PackFilter(), TODAY, middle),
            lambda n: find_packs(PackFilter(order=Order.HEALTH), TODAY),
            lambda n: find_packs(PackFilter(search=f"p-{n * 37:05d}"), TODAY),
            lambda n: find_packs(PackFilter(model=f"M-{n % 9}"), TODAY),
            lambda n: find_packs(PackFilter(ward=f"ward-{n}"), TODAY),
            lambda n: count_packs(PackFilter(model="M-1"), TODAY),
            lambda n: health_of_fleet(),
            lambda n: due_packs(TODAY),
            lambda n: packs_to_order(TODAY),
        )
        print(
            f"| {name} | {' | '.join(devices._timed(question) for question in asked)} |", flush=True
        )
        db.engine.dispose()


def _fill_packs() -> None:
    """One in each device; falls over five years, 60 days each way."""
    with transaction() as session:
        for begin in range(0, PACKS, 5_000):
            numbers = range(begin, begin + 5_000)
            session.execute(insert(BatteryPack), [_pack(n) for n in numbers])
            session.execute(insert(PackState), [_state(n) for n in numbers])
    with db.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def _pack(n: int) -> dict[str, object]:
    return {
        "id": n + 1, "device_pk": n + 1, "slot": 0, "serial": f"P-{n * 7919 % PACKS:05d}",
        "model": f"M-{n % 9}", "chemistry": "LiFePO4", "first_seen_at": NOW, "generation": 0,
    }  # fmt: skip


def _state(n: int) -> dict[str, object]:
    day: date = TODAY + timedelta(days=n * 7919 % 1_826)
    return {
        "pack_id": n + 1, "studied_since": NOW, "studied_to": NOW, "age_cycles": n % 900,
        "wear": bytes(WEAR_BYTES), "run": b"", "swings": b"", "rest_mv": b"",
        "health_pct": 65 + n % 3_500 / 100, "threshold_pct": 70, "falls_on": day,
        "falls_from": day - timedelta(days=60), "falls_until": day + timedelta(days=60),
    }  # fmt: skip


if __name__ == "__main__":
    main()
