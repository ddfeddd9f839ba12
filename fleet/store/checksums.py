"""How many rows each table has, and a checksum over them: is a restored database the same one?

Comparable between databases of one kind and one schema. In bounded memory, whatever the size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, quoted_name, text

_AT_ONCE = 1_000

_POSTGRES_TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace
      AND relkind IN ('r', 'p') AND NOT relispartition
    ORDER BY relname
"""
_SQLITE_TABLES = """
    SELECT name FROM sqlite_master
    WHERE type = 'table' AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '_litestream_*'
    ORDER BY name
"""
_POSTGRES_TEXT_FORM = ("TimeZone = 'UTC'", "DateStyle = 'ISO'", "extra_float_digits = 1",
                       "bytea_output = 'hex'")  # fmt: skip
"""What decides how a row looks as text; a database may have defaults of its own."""


@dataclass(frozen=True, slots=True)
class TableSum:
    rows: int
    checksum: str


def table_names(connection: Connection) -> list[str]:
    """Every table of ours; a partitioned one counts as one."""
    is_sqlite = connection.dialect.name == "sqlite"
    query = text(_SQLITE_TABLES if is_sqlite else _POSTGRES_TABLES)
    return list(connection.execute(query).scalars())


def table_sums(connection: Connection) -> dict[str, TableSum]:
    """By table. The connection is to read everything as of one moment (`database.snapshot`)."""
    if connection.dialect.name == "sqlite":
        return {name: _sqlite_sum(connection, name) for name in table_names(connection)}
    for setting in _POSTGRES_TEXT_FORM:
        connection.execute(text(f"SET LOCAL {setting}"))
    return {name: _postgres_sum(connection, name) for name in table_names(connection)}


def _postgres_sum(connection: Connection, table: str) -> TableSum:
    """The sum of 64 bits of each row's MD5: needs no order, so no sort of a million rows.

    It finds what a faulty disk or copy does; against forgery stands the hash of the whole file.
    """
    name = _quoted(connection, table)  # a table of the schema itself: no word from outside
    query = (
        f"SELECT count(*), coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint), 0)"  # noqa: S608
        f" FROM {name} AS t"
    )
    rows, checksum = connection.execute(text(query)).one()
    return TableSum(rows, str(checksum))


def _sqlite_sum(connection: Connection, table: str) -> TableSum:
    """SHA-256 over the rows in the order of their key, in which SQLite keeps them."""
    digest, rows = sha256(), 0
    for some in _sqlite_rows(connection, table):
        digest.update(msgspec.msgpack.encode(some))
        rows += len(some)
    return TableSum(rows, digest.hexdigest())


def _sqlite_rows(connection: Connection, table: str) -> Iterator[Sequence[object]]:
    name = _quoted(connection, table)
    columns = connection.exec_driver_sql(f"PRAGMA table_info({name})").all()
    key = [_quoted(connection, c.name) for c in sorted(columns, key=lambda c: c.pk) if c.pk]
    order = f" ORDER BY {', '.join(key)}" if key else " ORDER BY rowid"
    cursor = connection.connection.cursor()
    cursor.execute(f"SELECT * FROM {name}{order}")  # noqa: S608  (of the schema itself)
    while some := cursor.fetchmany(_AT_ONCE):
        yield some
    cursor.close()


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(quoted_name(name, quote=True))
