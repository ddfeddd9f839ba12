"""Rows by the thousand, below the ORM: for the one path that every reading takes.

There most of the time went into SQLAlchemy's work on each single row. Everywhere else the ORM is
quick enough, and reads better. Figures: docs/benchmarks.md.

PostgreSQL is given one array for each column (`unnest`), SQLite one statement for many rows
(`executemany`): each is the quickest way there that still passes over a key that is there already.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Dialect,
    LargeBinary,
    String,
    Table,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session

from fleet.store.arrays import ArrayOf
from fleet.store.types import Instant

T = TypeVar("T", int, str)
Make = Callable[[Sequence[Any]], Sequence[Any]]
_encoder = msgspec.json.Encoder()


def among(
    session: Session,
    column: InstrumentedAttribute[T] | InstrumentedAttribute[T | None],
    values: Sequence[T],
) -> ColumnElement[bool]:
    """`column` is one of these: one statement with one parameter for any number of them."""
    if session.connection().dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    each = func.json_each(_as_json(values)).table_valued("value")
    return column.in_(select(each.c.value))


class _Bulk(ABC):
    """A statement over many rows of one table; made once, run for every batch."""

    def __init__(self, model: type[DeclarativeBase], names: Sequence[str]) -> None:
        assert isinstance(model.__table__, Table)
        self._table = model.__table__
        self._names = tuple(names)
        self._prepared: dict[str, tuple[str, list[Make]]] = {}

    def run(self, session: Session, rows: Sequence[Sequence[Any]]) -> None:
        """`rows`: the values of the columns, in their order; a value for JSON as Python has it."""
        if not rows:
            return
        connection = session.connection()
        sql, makers = self._prepare(connection.dialect)
        columns = tuple(
            make(values) for make, values in zip(makers, zip(*rows, strict=True), strict=True)
        )
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(sql, columns)
        else:
            connection.exec_driver_sql(sql, list(zip(*columns, strict=True)))

    @abstractmethod
    def _postgresql(self, arrays: str) -> str:
        """The statement over `arrays`, one for each column."""

    @abstractmethod
    def _sqlite(self) -> str:
        """The statement for one row, whose values are ?1, ?2, ..."""

    def _prepare(self, dialect: Dialect) -> tuple[str, list[Make]]:
        if dialect.name not in self._prepared:
            columns = [self._table.c[name] for name in self._names]
            if dialect.name == "postgresql":
                types = [column.type.compile(dialect) for column in columns]
                sql = self._postgresql(", ".join(f"%b::{name}[]" for name in types))
            else:
                sql = self._sqlite()
            self._prepared[dialect.name] = sql, [_maker(column, dialect) for column in columns]
        return self._prepared[dialect.name]


class BulkInsert(_Bulk):
    """INSERT; a row whose key is there already is passed over."""

    def _postgresql(self, arrays: str) -> str:
        select = f"SELECT * FROM unnest({arrays})"  # noqa: S608  (names of our own columns)
        return f"{self._into} {select} {self._on_conflict}"

    def _sqlite(self) -> str:
        places = ", ".join("?" * len(self._names))
        return f"{self._into} VALUES ({places}) {self._on_conflict}"

    @property
    def _into(self) -> str:
        return f"INSERT INTO {self._table.name} ({', '.join(self._names)})"

    @property
    def _on_conflict(self) -> str:
        return "ON CONFLICT DO NOTHING"


class BulkHold(BulkInsert):
    """INSERT; a row whose key is there already is written as it is, so that it is locked too."""

    @property
    def _on_conflict(self) -> str:
        key = [column.name for column in self._table.primary_key]
        return f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {key[0]} = excluded.{key[0]}"


class BulkUpdate(_Bulk):
    """UPDATE by `key`; where there is an `order`, a row that is beyond the new one stays as it is.

    The columns of a row: the key, those of the order, and the others.
    """

    def __init__(
        self, model: type[DeclarativeBase], key: str, order: Sequence[str], others: Sequence[str]
    ) -> None:
        super().__init__(model, (key, *order, *others))
        self._key = key
        self._order = tuple(order)

    def _postgresql(self, arrays: str) -> str:
        new = {name: f"new.{name}" for name in self._names}
        names = ", ".join(self._names)
        return f"{self._update(new)} FROM unnest({arrays}) AS new({names}) {self._where(new)}"

    def _sqlite(self) -> str:
        new = {name: f"?{place}" for place, name in enumerate(self._names, 1)}
        return f"{self._update(new)} {self._where(new)}"

    def _update(self, new: dict[str, str]) -> str:
        changes = ", ".join(f"{name} = {new[name]}" for name in self._names if name != self._key)
        return f"UPDATE {self._table.name} AS old SET {changes}"  # noqa: S608  (our own)

    def _where(self, new: dict[str, str]) -> str:
        where = f"WHERE old.{self._key} = {new[self._key]}"
        if not self._order:
            return where
        before = ", ".join(f"old.{name}" for name in self._order)
        after = ", ".join(new[name] for name in self._order)
        return f"{where} AND ({before}) <= ({after})"


def _maker(column: Column[Any], dialect: Dialect) -> Make:
    """Makes of a column's values what the driver takes."""
    convert = _converter(column, dialect)
    if dialect.name == "postgresql":
        # An array takes any moment that has a time zone, any str and any bytes.
        plain = isinstance(column.type, Instant | String | LargeBinary)
        return ArrayOf(column.type.compile(dialect), None if plain else convert)
    if convert is None:
        return list
    return lambda values: [None if v is None else convert(v) for v in values]


def _converter(column: Column[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """What a value of Python becomes; None where it goes as it is."""
    if isinstance(column.type, JSON):
        return _as_json
    if isinstance(column.type, String):
        return str  # and no subclasses of str
    return column.type.bind_processor(dialect)


def _as_json(value: Any) -> str:
    return _encoder.encode(value).decode()
