"""The partitions of `reading` on PostgreSQL: one a day in UTC, and one for what no day takes.

Whoever changes them locks `reading` first, then the partition, as every query does. With it locked
no row can be on its way to a partition that is about to be another.
"""

import re
from datetime import UTC, datetime

from sqlalchemy import Connection, Insert, column, delete, insert, select, table, text
from sqlalchemy.orm import Session

from fleet.store.reading import Reading
from fleet.store.rollup import DAY

DEFAULT = "reading_default"
"""For devices whose clocks are far out, and for readings older than any partition that is left."""
_OF_A_DAY = re.compile(r"reading_(\d{8})")
_LOOSE_KEY_BYTES = 65
"""A row of the key takes 52 bytes with its pointer, in full pages."""
_LOOSE_FROM_BYTES = 1_000_000
"""In a smaller index there is nothing to win."""


def is_partition(name: str) -> bool:
    return name == DEFAULT or _OF_A_DAY.fullmatch(name) is not None


def partitioned_days(session: Session) -> set[datetime]:
    """The days that have a partition; none on SQLite, which has no partitions."""
    if session.connection().dialect.name != "postgresql":
        return set()
    names = session.scalars(
        text(
            "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
            " WHERE inhparent = 'reading'::regclass"
        )
    )
    found = filter(None, map(_OF_A_DAY.fullmatch, names))
    return {datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC) for match in found}


def make_partition(session: Session, day: datetime) -> None:
    """Nothing where it is there already. Rows of that day in the default partition move over."""
    _lock(session)
    if day in partitioned_days(session):
        return
    name = _name(day)
    limits = f"FROM ('{day.isoformat()}') TO ('{(day + DAY).isoformat()}')"
    session.execute(text(f"CREATE TABLE {name} (LIKE reading INCLUDING INDEXES)"))
    session.execute(_moved(day, name))
    session.execute(text(f"ALTER TABLE reading ATTACH PARTITION {name} FOR VALUES {limits}"))


def drop_partition(session: Session, day: datetime) -> None:
    """In milliseconds, however many readings it holds."""
    _lock(session)
    session.execute(text(f"DROP TABLE IF EXISTS {_name(day)}"))


def loose_keys(connection: Connection, before: datetime) -> list[str]:
    """Key indices of days before that moment that are much larger than their rows need.

    Readings come device after device, so that each device's part of the key grows at its end.
    PostgreSQL would leave pages full behind such an end only for keys up to 16 bytes wide
    (`_bt_afternewitemoff` in its nbtsplitloc.c); of a wider one it leaves them half empty.
    """
    found = connection.execute(
        text(
            "SELECT heap.relname, key.relname FROM pg_inherits"
            " JOIN pg_class heap ON heap.oid = inhrelid"
            " JOIN pg_index ON indrelid = heap.oid AND indisprimary"
            " JOIN pg_class key ON key.oid = indexrelid"
            " WHERE inhparent = 'reading'::regclass AND heap.reltuples > 0"
            " AND pg_relation_size(key.oid) > greatest(:floor, :width * heap.reltuples)"
            " ORDER BY heap.relname"
        ),
        {"floor": _LOOSE_FROM_BYTES, "width": _LOOSE_KEY_BYTES},
    )
    return [key for heap, key in found if heap < _name(before) and heap != DEFAULT]


def clear_way(session: Session, key: str) -> None:
    """Before `pack_key`: a half-made index of one that was cut off goes."""
    session.execute(text(f"DROP INDEX IF EXISTS {key}_ccnew"))
    session.execute(text(f"ALTER INDEX {key} SET (fillfactor = 100)"))


def pack_key(connection: Connection, key: str) -> None:
    """Beside ingest, which may go on writing. Needs a connection outside any transaction.

    It waits for whoever has the partition in use, but nobody waits behind it.
    """
    connection.execute(text(f"REINDEX INDEX CONCURRENTLY {key}"))


def _moved(day: datetime, name: str) -> Insert:
    columns = Reading.__table__.c
    default = table(DEFAULT, *(column(c.key, c.type) for c in columns))
    of_the_day = default.c.sampled_at >= day, default.c.sampled_at < day + DAY
    moved = delete(default).where(*of_the_day).returning(*default.c).cte("moved")
    into = table(name, *(column(c.key, c.type) for c in columns))
    return insert(into).from_select(columns.keys(), select(*moved.c))


def _name(day: datetime) -> str:
    return f"reading_{day:%Y%m%d}"


def _lock(session: Session) -> None:
    session.execute(text("LOCK TABLE ONLY reading IN ACCESS EXCLUSIVE MODE"))
