"""A history of revision 0001, and an ingest of that time that writes beside a migration of it."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, column, create_engine, insert, select, table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from fleet.store.database import engine_options, prepare_engine, write_from_the_start
from fleet.store.migrate import MIGRATIONS
from fleet.store.reading import Reading
from fleet.store.types import Instant

Row = dict[str, Any]
READING = table("reading", *(column(c.key, c.type) for c in Reading.__table__.c))
"""By name ingest writes the columns, and they are named alike at every revision."""
DEVICE = table(
    "device",
    *map(column, ("id", "device_id", "asset_tag", "kind", "ward_id", "lifecycle", "version")),
    column("created_at", Instant),
)
BATCH = 50


def config(connection: object) -> Config:
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.attributes["connection"] = connection
    return found


def engine_for(url: str) -> Engine:
    engine = create_engine(url, **engine_options(url))
    prepare_engine(engine)
    return engine


def upgrade(engine: Engine, revision: str) -> None:
    with engine.connect() as connection:
        command.upgrade(config(connection), revision)


def downgrade(engine: Engine, revision: str) -> None:
    with engine.connect() as connection:
        command.downgrade(config(connection), revision)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        write_from_the_start(connection)
        yield connection
        connection.commit()


def enter_devices(engine: Engine, count: int) -> None:
    """So many in one ward, their keys from 1 on."""
    with writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO site VALUES (1, 'site', 'Site', 'UTC')")
        connection.exec_driver_sql("INSERT INTO ward VALUES (1, 1, 'ward', 'Ward', 0)")
        rows = [
            {"id": n, "device_id": f"d{n}", "asset_tag": f"D{n}", "kind": "tablet", "ward_id": 1,
             "lifecycle": "enrolled", "version": 1, "created_at": datetime.now(UTC)}
            for n in range(1, count + 1)
        ]  # fmt: skip
        connection.execute(insert(DEVICE), rows)


def row(device_pk: int, seq: int, at: datetime) -> Row:
    return {
        "device_pk": device_pk, "boot": 1, "seq": seq, "slot": 0, "sampled_at": at,
        "received_at": at + timedelta(milliseconds=40), "pack_id": device_pk, "zone_id": None,
        "wifi_rssi_dbm": -60, "soc_pct": seq % 101, "status": "discharging",
        "power_source": "none", "voltage_mv": 25_610, "current_ma": -3_150, "temp_c": 31.5,
        "cycle_count": 412, "remaining_mah": 27_900, "full_charge_mah": 37_100,
    }  # fmt: skip


def store(connection: Connection, rows: Sequence[Row]) -> None:
    """As ingest does: what is there already is passed over."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(READING).on_conflict_do_nothing(), rows)


class Writer:
    """Until its context ends: a batch fifty times a second, and each time some old rows again."""

    def __init__(self, engine: Engine, again: Sequence[Row], seq: int = 1_000_000) -> None:
        self._engine = engine
        self._again = list(again)
        self._first = self._next = seq
        self._stop = Event()
        self._thread = Thread(target=self._run)
        self.longest_s = 0.0
        self.failure: SQLAlchemyError | None = None

    @property
    def written(self) -> int:
        return self._next - self._first

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.02):
                begun = time.monotonic()
                self._write()
                self.longest_s = max(self.longest_s, time.monotonic() - begun)
        except SQLAlchemyError as error:
            self.failure = error

    def _write(self) -> None:
        at = datetime.now(UTC)
        new = [row(1, self._next + n, at) for n in range(BATCH)]
        with writing(self._engine) as connection:
            device = select(DEVICE.c.id).where(DEVICE.c.id == 1)
            connection.execute(device.with_for_update(key_share=True))
            store(connection, new + self._again)
        self._next += BATCH
