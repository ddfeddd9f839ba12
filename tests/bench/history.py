"""What a reading takes on disk, and to read, to roll up and to forget: `make bench-history`.

On both databases. Bytes are those of table and indices together after readings have come in as
they come: every device once, not in the order of their keys, then every device again.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from sqlalchemy import delete, text, update

from fleet import create_worker
from fleet.config import Settings
from fleet.domain.retention import Kept
from fleet.services import rollups
from fleet.services.partitions import (
    DAYS_AHEAD,
    make_partitions,
    pack_partitions,
)
from fleet.services.retention import FORGET
from fleet.services.rollups import roll_up
from fleet.store.database import db, transaction
from fleet.store.migrate import upgrade
from fleet.store.models import DailyRollup, HourlyRollup, RollupProgress
from fleet.store.queries.charge_history import bucket_for, charge_history
from fleet.store.queries.readings import find_readings
from fleet.store.rollup import DAY, HOUR, day_of
from fleet.web.charge_chart import SPANS
from tests.bench.filling import AS_THEY_COME, fill, fill_rollups
from tests.bench.migrations import SAFE
from tests.support.migrating import Writer, enter_devices
from tests.support.postgres import private_cluster

TODAY = day_of(datetime.now(UTC))
BEGUN = TODAY - 90 * DAY
DEVICES = 10_000
EVERY = timedelta(seconds=30)
CHARTED = 200
ROUNDS = 200


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, private_cluster(**SAFE) as server:
        for name in ("SQLite", "PostgreSQL"):
            path = Path(folder) / name
            path.mkdir()
            url = f"sqlite:///{path}/bench.sqlite" if name == "SQLite" else server.create("bench")
            with _fresh(url, path):
                print(f"\n### {name}\n", flush=True)
                _sizes()
                _an_hour()
                _charts()
                _a_day_is_forgotten()


@contextmanager
def _fresh(url: str, folder: Path) -> Iterator[None]:
    """The application over a database with a partition for each day of the last 90."""
    upgrade(url)
    app = create_worker(
        Settings.from_env({"FLEET_DATABASE_URL": url, "FLEET_DATA_DIR": str(folder)})
    )
    with app.app_context():
        for begin in range(0, 91, DAYS_AHEAD):
            make_partitions(BEGUN + begin * DAY)
        enter_devices(db.engine, DEVICES)
        yield
        db.engine.dispose()


def _sizes() -> None:
    for day, devices, every in ((1, 10_000, timedelta(minutes=5)), (2, 1_000, EVERY)):
        before, each = _bytes_on_disk(), DAY // every - 1
        with transaction() as session:
            begun = BEGUN + day * DAY
            fill(session.connection(), begun, every, each, devices, AS_THEY_COME)
        loose = (_bytes_on_disk() - before) / (devices * each)
        packing_s = _seconds(lambda: pack_partitions(TODAY))
        packed = (_bytes_on_disk() - before) / (devices * each)
        print(
            f"{devices:,} devices, every {every.seconds} s, for a day: {loose:.0f} bytes a reading,"
            f" {packed:.0f} once packed, in {packing_s:.0f} s"
        )


def _bytes_on_disk() -> int:
    """Of what is in use; on SQLite of the whole file."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE reading"))
            size = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('reading')"
            return int(connection.scalar(text(size)) or 0)
    with db.engine.connect() as connection:
        pages, free, size = (
            connection.scalar(text(f"PRAGMA {name}")) or 0
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)


def _an_hour() -> None:
    each, hour = HOUR // EVERY - 1, BEGUN + 3 * DAY
    with transaction() as session:
        fill(session.connection(), hour, EVERY, each, DEVICES, AS_THEY_COME)
        session.execute(update(RollupProgress).values(open_hour=hour, swept_to=None))
    rollups.STEPS_A_RUN = 1
    steps = [_seconds(lambda: roll_up(hour + HOUR)) for _ in range(DEVICES // rollups.AT_ONCE + 2)]
    print(
        f"An hour of {DEVICES:,} devices, {each * DEVICES:,} readings, is rolled up in"
        f" {sum(steps):.1f} s; the longest of {len(steps)} steps takes {max(steps) * 1000:.0f} ms"
    )


def _charts() -> None:
    with transaction() as session:
        for model in (HourlyRollup, DailyRollup):
            session.execute(delete(model))
        connection = session.connection()
        fill(connection, TODAY - 7 * DAY, EVERY, 7 * DAY // EVERY - 1, CHARTED)
        for table, step, days in (("reading_hourly", HOUR, 730), ("reading_daily", DAY, 3_650)):
            each = days * DAY // step - 1
            fill_rollups(connection, table, TODAY - days * DAY, step, each, CHARTED)
        session.execute(update(RollupProgress).values(open_hour=TODAY, swept_to=None))
        connection.execute(text("ANALYZE"))
    now = TODAY + HOUR
    asked: dict[str, Callable[[int], object]] = {
        f"a {name}": lambda pk, length=length: charge_history(
            pk, now - length, now, bucket_for(length)
        )
        for name, length in SPANS.items()
    }
    asked["the newest 100 readings"] = lambda pk: find_readings(pk)
    chance = Random(1)
    for name, ask in asked.items():
        taken = sorted(_seconds(lambda ask=ask: _asked(ask, chance)) for _ in range(ROUNDS))
        p50, p99 = taken[ROUNDS // 2] * 1000, taken[int(ROUNDS * 0.99) - 1] * 1000
        print(f"Of one device, {name}: {p50:.1f} / {p99:.1f} ms (p50 / p99)")


def _asked(ask: Callable[[int], object], chance: Random) -> None:
    ask(chance.randint(1, CHARTED))
    db.session.rollback()


def _a_day_is_forgotten() -> None:
    with transaction() as session:
        fill(session.connection(), BEGUN, EVERY, DAY // EVERY - 1, 1_000, AS_THEY_COME)
    with Writer(db.engine, []) as writer:
        taken_s = _seconds(lambda: FORGET[Kept.READINGS](BEGUN + DAY))
    print(
        f"A day of 1,000 devices, {1_000 * (DAY // EVERY - 1):,} readings, is forgotten in"
        f" {taken_s:.2f} s; who writes beside it waits {writer.longest_s * 1000:.0f} ms at most"
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
