"""An hour of 10,000 devices studied, and 100,000 packs forecast: `make bench-packs`."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from sqlalchemy import func, insert, select, update

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.battery.wear import Wear
from fleet.services import study_packs as study
from fleet.services.forecast_packs import forecast_packs
from fleet.services.partitions import make_partitions
from fleet.store.database import db, transaction
from fleet.store.migrate import upgrade
from fleet.store.models import BatteryPack, Device, DeviceState, PackState, StudyProgress
from fleet.store.packed import wear_blobs
from fleet.store.rollup import HOUR, hour_of
from tests.bench.filling import AS_THEY_COME, fill
from tests.support.migrating import enter_devices
from tests.support.postgres import private_cluster

DEVICES, PACKS = 10_000, 100_000
EVERY = timedelta(minutes=1)
NOW = hour_of(datetime.now(UTC))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, private_cluster() as server:
        for name in ("SQLite", "PostgreSQL"):
            path = Path(folder) / name
            path.mkdir()
            url = f"sqlite:///{path}/bench.sqlite" if name == "SQLite" else server.create("packs")
            upgrade(url)
            given = {"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(path)}
            with create_worker(Settings.from_env(given)).app_context():
                print(f"\n### {name}\n", flush=True)
                _measure()
                db.engine.dispose()


def _measure() -> None:
    make_partitions(NOW)
    enter_devices(db.engine, DEVICES)
    begun = NOW - 2 * HOUR
    with transaction() as session:
        keys = session.scalars(select(Device.id)).all()
        # Some devices of the filling have their state already.
        known = set(session.scalars(select(DeviceState.device_pk)))
        session.add_all(DeviceState(device_pk=pk) for pk in keys if pk not in known)
        _enter_packs(session, range(1, DEVICES + 1))
        fill(session.connection(), begun, EVERY, HOUR // EVERY - 1, DEVICES, AS_THEY_COME)
        session.execute(update(StudyProgress).values(open_hour=begun, swept_to=None))
    study.STEPS_A_RUN = 1
    steps = [_seconds(lambda: study.study_packs(NOW)) for _ in range(DEVICES // study.AT_ONCE + 1)]
    studied = db.session.scalar(select(func.count()).select_from(PackState))
    print(f"An hour of {studied:,} packs is studied in {sum(steps):.1f} s;"
          f" the longest of {len(steps)} steps takes {max(steps) * 1000:.0f} ms")  # fmt: skip
    _enter_states()
    taken = _seconds(lambda: forecast_packs(NOW))
    print(f"{PACKS:,} packs are forecast in {taken:.1f} s")


def _enter_packs(session, ids) -> None:
    session.execute(insert(BatteryPack), [
        {"id": n, "device_pk": (n - 1) % DEVICES + 1, "slot": 0, "serial": f"P{n}", "model": "LFP",
         "chemistry": "LiFePO4", "design_mah": 40_000, "first_seen_at": NOW - 100 * HOUR}
        for n in ids
    ])  # fmt: skip


def _enter_states() -> None:
    """With 400 readings each, from a hundred different lives."""
    age = np.cumsum(np.random.default_rng(1).uniform(0.5, 2, (100, 400)), axis=1)
    wear = Wear.of_new_packs(100)
    wear.absorb(age, 1 - 2e-4 * age)
    blobs = wear_blobs(wear)
    with transaction() as session:
        session.query(PackState).delete()
        _enter_packs(session, range(DEVICES + 1, PACKS + 1))
        session.execute(insert(PackState), [
            {"pack_id": n, "studied_since": NOW - 2_000 * HOUR, "studied_to": NOW, "health_pct": 90,
             "wear": blobs[n % 100], "age_cycles": 500.0, "cycles_a_day": 0.8, "run": b"",
             "swings": b"", "rest_mv": b""}
            for n in range(1, PACKS + 1)
        ])  # fmt: skip


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
