"""history by time: a partition a day on PostgreSQL, rollups, a smaller row

Revision: 0002
Follows: 0001

Online (ADR 8): the new table is made beside the old one and takes its name in milliseconds; from
then on ingest, old or new, writes to it. The old rows follow in chunks, each committed, and what is
left in the old table is what is still to be moved: stopped midway, it goes on when run again.
"""

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError

from fleet.store.types import Instant, Word

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD, NEW = "reading_0001", "reading_0002"
"""The tables of the two shapes, while they are not called `reading`."""
ROWS_AT_ONCE = 5_000
PAGES_AT_ONCE = 200
"""On PostgreSQL: 8 KiB each, so about 13,000 rows."""
LOCK_TIMEOUT_MS = 500
LOCK_ATTEMPTS = 60
DAYS_BEFORE_ARRIVAL = 7
"""As old as this a reading may be when it arrives, and still find its partition."""
DAYS_BACK, DAYS_AHEAD = 400, 14
SAY_EVERY_S = 10

# People wait for it, so they are told how far it is.
log = logging.getLogger("fleet.migrations")
log.setLevel(logging.INFO)


def upgrade() -> None:
    if not _has(OLD):
        _create_new()
        _create_rollups()
        _lock()
        if _is_postgresql():
            op.drop_constraint("reading_device_pk_fkey", "reading", type_="foreignkey")
        _swap(NEW, OLD)
        op.get_bind().commit()
    _move([OLD])
    op.drop_table(OLD)


def downgrade() -> None:
    """Readings that differ in nothing but the device's time become one."""
    if not _has(NEW):
        _lock()
        _create_old()
        _swap(OLD, NEW)
        op.get_bind().commit()
    _move(_partitions() if _is_postgresql() else [NEW])
    for table in (NEW, "reading_hourly", "reading_daily", "rollup_due", "rollup_progress"):
        op.drop_table(table)


# --- Tables -----------------------------------------------------------------------------------

_KEY_OF_OLD = ("device_pk", "boot", "seq", "slot")
_KEY_OF_NEW = ("device_pk", "sampled_at", "boot", "seq", "slot")
_MISDATED = {
    "sqlite": "(sampled_at < 1577836800000 OR sampled_at - received_at > 300000)",
    "postgresql": "(sampled_at < '2020-01-01T00:00:00+00:00'::timestamptz"
    " OR sampled_at - received_at > '300 s'::interval)",
}


def _columns() -> list[sa.Column[Any]]:
    """Of both shapes; the wide ones first."""
    return [
        sa.Column("sampled_at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.Column("pack_id", sa.Integer()),
        sa.Column("zone_id", sa.Integer()),
        sa.Column("voltage_mv", sa.Integer()),
        sa.Column("current_ma", sa.Integer()),
        sa.Column("temp_c", sa.REAL()),
        sa.Column("cycle_count", sa.Integer()),
        sa.Column("remaining_mah", sa.Integer()),
        sa.Column("full_charge_mah", sa.Integer()),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        sa.Column("wifi_rssi_dbm", sa.SmallInteger()),
        sa.Column("soc_pct", sa.SmallInteger()),
        sa.Column("status", Word(("charging", "discharging", "full", "not_charging"))),
        sa.Column("power_source", Word(("none", "mains", "dock", "usb"))),
    ]


def _create_new() -> None:
    op.create_table(
        NEW,
        *_columns(),
        sa.PrimaryKeyConstraint(*_KEY_OF_NEW),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (sampled_at)",
    )
    misdated = {f"{name}_where": sa.text(where) for name, where in _MISDATED.items()}
    op.create_index("ix_reading_misdated", NEW, ["device_pk", "received_at"], **misdated)
    if _is_postgresql():
        op.execute(f"CREATE TABLE reading_default PARTITION OF {NEW} DEFAULT")
        for day in _days():
            limits = f"FROM ('{day}') TO ('{day + timedelta(days=1)}')"
            op.execute(f"CREATE TABLE reading_{day:%Y%m%d} PARTITION OF {NEW} FOR VALUES {limits}")


def _create_old() -> None:
    columns = {column.name: column for column in _columns()}
    columns["temp_c"].type = sa.Double()
    first = (*_KEY_OF_OLD, "sampled_at", "received_at")
    op.create_table(
        OLD,
        *(columns.pop(name) for name in first),
        *columns.values(),
        sa.PrimaryKeyConstraint(*_KEY_OF_OLD),
        sa.ForeignKeyConstraint(["device_pk"], ["device.id"], name="reading_device_pk_fkey"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_reading_device_sampled", OLD, ["device_pk", "sampled_at"])
    op.create_index("ix_reading_received", OLD, ["received_at"])


def _create_rollups() -> None:
    for name in ("reading_hourly", "reading_daily"):
        op.create_table(
            name,
            sa.Column("start", Instant(), nullable=False),
            sa.Column("discharge_ma_sum", sa.BigInteger(), nullable=False),
            sa.Column("charge_ma_sum", sa.BigInteger(), nullable=False),
            sa.Column("device_pk", sa.Integer(), nullable=False),
            sa.Column("readings", sa.Integer(), nullable=False),
            sa.Column("current_readings", sa.Integer(), nullable=False),
            sa.Column("charging_readings", sa.Integer(), nullable=False),
            sa.Column("soc_pct_sum", sa.Integer(), nullable=False),
            sa.Column("temp_c_max", sa.REAL()),
            sa.Column("pack_id", sa.Integer()),
            sa.Column("cycle_count", sa.Integer()),
            sa.Column("full_charge_mah", sa.Integer()),
            sa.Column("slot", sa.SmallInteger(), nullable=False),
            sa.Column("soc_pct_min", sa.SmallInteger(), nullable=False),
            sa.Column("soc_pct_max", sa.SmallInteger(), nullable=False),
            sa.Column("soc_pct_first", sa.SmallInteger(), nullable=False),
            sa.Column("soc_pct_last", sa.SmallInteger(), nullable=False),
            sa.PrimaryKeyConstraint("device_pk", "start", "slot"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "rollup_due",
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("device_pk", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "device_pk"),
        sqlite_with_rowid=False,
    )
    progress = op.create_table(
        "rollup_progress",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("open_hour", Instant(), nullable=False),
        sa.Column("swept_to", sa.Integer()),
        sa.PrimaryKeyConstraint("id"),
    )
    first = _oldest().replace(minute=0, second=0, microsecond=0)
    op.execute(sa.insert(progress).values(id=1, open_hour=first))


def _oldest() -> datetime:
    """From here on the rollups are made; readings from before it are not to be expected."""
    received_at = sa.column("received_at", Instant)
    first = op.get_bind().scalar(
        sa.select(sa.func.min(received_at)).select_from(sa.table("reading"))
    )
    if first is None:
        return datetime.now(UTC)
    return first - timedelta(days=DAYS_BEFORE_ARRIVAL)


def _days() -> Iterator[datetime]:
    """From the oldest readings on, at least from yesterday, to those to come."""
    today = _midnight(datetime.now(UTC))
    oldest = max(_midnight(_oldest()), today - timedelta(days=DAYS_BACK))
    day = min(oldest, today - timedelta(days=1))
    while day <= today + timedelta(days=DAYS_AHEAD):
        yield day
        day += timedelta(days=1)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


# --- Without stopping ingest ------------------------------------------------------------------


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _has(table: str) -> bool:
    return sa.inspect(op.get_bind()).has_table(table)


def _lock() -> None:
    """Both tables in the order in which ingest takes them, without making it wait long."""
    if not _is_postgresql():
        return
    bind = op.get_bind()
    for _ in range(LOCK_ATTEMPTS):
        try:
            with bind.begin_nested():
                bind.execute(sa.text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"))
                bind.execute(sa.text("LOCK TABLE device, reading IN ACCESS EXCLUSIVE MODE"))
            return
        except OperationalError:
            time.sleep(1)
    raise RuntimeError("a long transaction (a backup?) holds `reading`: migrate again after it")


def _swap(fresh: str, aside: str) -> None:
    """`reading` steps aside, and the fresh table takes its name."""
    for old, new in (("reading", aside), (fresh, "reading")):
        op.rename_table(old, new)
        if _is_postgresql():
            op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT {old}_pkey TO {new}_pkey")


def _partitions() -> list[str]:
    """Of the table that stepped aside."""
    query = sa.text(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:t)"
    )
    return sorted(op.get_bind().scalars(query, {"t": NEW}), reverse=True)


def _move(parts: list[str]) -> None:
    """Every row of these tables to `reading`, where it is not there already."""
    bind = op.get_bind()
    into = _table("reading")
    insert = (postgresql if _is_postgresql() else sqlite).insert(into)
    moved, said_at = 0, time.monotonic()
    for part in parts:
        source = _table(part)
        for chunk in _by_page(part) if _is_postgresql() else _by_key(source):
            begun = time.monotonic()
            rows = sa.select(*source.c).where(chunk)
            bind.execute(insert.from_select(into.c.keys(), rows).on_conflict_do_nothing())
            moved += bind.execute(sa.delete(source).where(chunk)).rowcount
            bind.commit()
            if not _is_postgresql():
                time.sleep(time.monotonic() - begun)  # as long again the others may write
            if time.monotonic() - said_at > SAY_EVERY_S:
                said_at = time.monotonic()
                log.info("%s readings moved", f"{moved:,}")


def _table(name: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column.name, column.type) for column in _columns()))


def _by_page(table: str) -> Iterator[sa.ColumnElement[bool]]:
    """From the end on, where the newest are: a chart misses them least long."""
    pages = sa.text(f"SELECT pg_relation_size('{table}') / current_setting('block_size')::int")
    end = op.get_bind().scalar(pages)
    place = sa.literal_column("ctid")
    while end > 0:
        begin = max(end - PAGES_AT_ONCE, 0)
        first, after = (sa.literal_column(f"'({page},0)'::tid") for page in (begin, end))
        yield sa.and_(place >= first, place < after)
        end = begin


def _by_key(source: sa.TableClause) -> Iterator[sa.ColumnElement[bool]]:
    """In the order in which SQLite keeps the rows. Without other indexes they go much faster."""
    bind = op.get_bind()
    for index in sa.inspect(bind).get_indexes(source.name):
        op.drop_index(index["name"], source.name)
        bind.commit()
    key = [source.c[name] for name in (_KEY_OF_OLD if source.name == OLD else _KEY_OF_NEW)]
    last = sa.select(*key).order_by(*key).offset(ROWS_AT_ONCE - 1).limit(1)
    while (row := bind.execute(last).first()) is not None:
        yield sa.tuple_(*key) <= sa.tuple_(*row)
    yield sa.true()
