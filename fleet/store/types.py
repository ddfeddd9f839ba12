"""Types that are the same whatever the database."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Dialect,
    SmallInteger,
    SQLColumnExpression,
    cast,
    func,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from fleet.store.database import db

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime."""
    return (instant - _EPOCH) // _MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    return _EPOCH + milliseconds * _MILLISECOND


def milliseconds(moment: SQLColumnExpression[datetime]) -> ColumnElement[int]:
    """In a statement, what `to_ms` is in Python: SQLite keeps just that, PostgreSQL a timestamp."""
    if db.engine.dialect.name == "sqlite":
        return type_coerce(moment, BigInteger)
    return cast(func.floor(func.extract("epoch", moment) * 1000), BigInteger)


def _from_sqlite(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else _EPOCH + milliseconds * _MILLISECOND


def _in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(UTC)


class Instant(TypeDecorator[datetime]):
    """A moment in UTC: timestamptz on PostgreSQL, milliseconds since 1970 on SQLite.

    SQLite has no time type; its text form takes 26 bytes and compares slowly.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(BigInteger())
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        return to_ms(value) if dialect.name == "sqlite" else value.astimezone(UTC)

    def result_processor(
        self, dialect: Dialect, coltype: object
    ) -> Callable[[Any], datetime | None]:
        """In the place of `process_result_value`, which asks for the dialect at every value."""
        return _from_sqlite if dialect.name == "sqlite" else _in_utc


class Word(TypeDecorator[str]):
    """One of a fixed list of words, kept as its place in the list: two bytes a row.

    New words are added at the end of the list; none is ever moved or removed.
    """

    impl = SmallInteger
    cache_ok = True

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self.words = tuple(words)
        self._places = {word: place for place, word in enumerate(self.words)}

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else self._places[value]

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else self.words[value]
