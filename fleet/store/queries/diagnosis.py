"""What each database says of itself: cheap to ask, whatever its size."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from fleet.domain.age import AHEAD_AT_MOST
from fleet.store.models import DeviceState, OutboxMessage, Reading

DEVICES_ASKED = 100
"""For the time by their clocks."""
A_DAY = timedelta(days=1)


class Postgres(NamedTuple):
    version: int
    """150004 is 15.4."""
    in_recovery: bool
    fsync: str
    full_page_writes: str
    synchronous_commit: str
    size_bytes: int
    connections: int
    max_connections: int
    oldest_transaction: timedelta | None
    unfrozen_ids: int
    """Transactions since the oldest that is not frozen; PostgreSQL stops writing at 2**31."""


class Table(NamedTuple):
    name: str
    size_bytes: int
    live_rows: int
    dead_rows: int


class Sqlite(NamedTuple):
    version: str
    journal_mode: str
    synchronous: int
    size_bytes: int
    log_bytes: int


_POSTGRES = text("""
    SELECT current_setting('server_version_num')::int,
           pg_is_in_recovery(),
           current_setting('fsync'),
           current_setting('full_page_writes'),
           current_setting('synchronous_commit'),
           pg_database_size(current_database()),
           (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections')::int,
           (SELECT max(clock_timestamp() - xact_start) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND backend_type = 'client backend'),
           (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database())
""")
_TABLES = text("""
    SELECT coalesce(pg_partition_root(relid), relid)::regclass::text,
           sum(pg_total_relation_size(relid)), sum(n_live_tup), sum(n_dead_tup)
      FROM pg_stat_user_tables GROUP BY 1 ORDER BY 2 DESC LIMIT :many
""")


def postgres(session: Session) -> Postgres:
    return Postgres(*session.execute(_POSTGRES).one())


def biggest_tables(session: Session, many: int = 3) -> list[Table]:
    """On PostgreSQL, partitions as one; SQLite would have to read the whole file to know."""
    rows = session.execute(_TABLES, {"many": many})
    return [Table(name, *map(int, sizes)) for name, *sizes in rows]


def sqlite(session: Session) -> Sqlite:
    def pragma(name: str) -> object:
        return session.execute(text(f"PRAGMA {name}")).scalar_one()

    version = session.execute(text("SELECT sqlite_version()")).scalar_one()
    pages, page_bytes = pragma("page_count"), pragma("page_size")
    file = Path(str(session.get_bind().engine.url.database))
    wal = file.with_name(f"{file.name}-wal")
    return Sqlite(
        version,
        str(pragma("journal_mode")),
        int(str(pragma("synchronous"))),
        int(str(pages)) * int(str(page_bytes)),
        wal.stat().st_size if wal.exists() else 0,
    )


def database_clock(session: Session) -> datetime:
    """The time on the database's machine; on PostgreSQL."""
    moment: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return moment


def clock_samples(session: Session) -> list[tuple[datetime, datetime]]:
    """Of the newest reading of each device that was heard lately: when the device says that it was
    taken, and when it was received.

    The newest of a day, by the device's clock: what the key of the history finds at once.
    """
    newest = (
        select(Reading.sampled_at, Reading.received_at)
        .where(Reading.device_pk == bindparam("device_pk"))
        .where(Reading.sampled_at.between(bindparam("since"), bindparam("until")))
        .order_by(Reading.sampled_at.desc())
        .limit(1)
    )
    samples = []
    for device_pk, seen_at in _heard_lately(session):
        span = {"since": seen_at - A_DAY, "until": seen_at + AHEAD_AT_MOST}
        row = session.execute(newest, {"device_pk": device_pk, **span}).one_or_none()
        if row is not None:
            samples.append((row.sampled_at, row.received_at))
    return samples


def _heard_lately(session: Session) -> list[tuple[int, datetime]]:
    seen_at = DeviceState.last_seen_at
    query = select(DeviceState.device_pk, seen_at).where(seen_at.is_not(None))
    rows = session.execute(query.order_by(seen_at.desc()).limit(DEVICES_ASKED))
    return [(device_pk, at) for device_pk, at in rows if at is not None]


def newest_reading_at(session: Session) -> datetime | None:
    """When a device was last heard."""
    return session.scalar(select(func.max(DeviceState.last_seen_at)))


def outbox(session: Session) -> tuple[int, datetime | None]:
    """How many messages wait, and since when the oldest."""
    row = session.execute(select(func.count(), func.min(OutboxMessage.created_at))).one()
    return row[0], row[1]
