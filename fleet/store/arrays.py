"""PostgreSQL's binary form of an array, written a column at a time.

psycopg dumps a list value by value, each through an object of its own: an eighth of what ingest
spends on a message. Format: array_send in src/backend/utils/adt/arrayfuncs.c, and the _send
functions of the types in it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from struct import Struct
from typing import Any

from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEADER = Struct("!iiIii")
"""Dimensions, whether there are NULLs, oid of the elements, their number, the first one's index."""
_LENGTH = Struct("!i")
_NULL = _LENGTH.pack(-1)

Encode = Callable[[Any], bytes]
"""One value that is not None: its length and its bytes."""


class Array(bytes):
    """One whole array in its binary form; the statement must say of what type it is."""


class _AsItIs(Dumper):
    format = Format.BINARY

    def dump(self, obj: Array) -> Array:
        return obj


adapters.register_dumper(Array, _AsItIs)


class ArrayOf:
    """Makes arrays of one type, named as in SQL: `bigint`, `varchar(64)`.

    `convert` is what becomes of a value first. None is NULL.
    """

    def __init__(self, type_name: str, convert: Callable[[Any], Any] | None = None) -> None:
        name = type_name.lower().partition("(")[0]
        self._oid = adapters.types[name].oid
        self._encode = _ENCODERS[name]
        self._convert = convert

    def __call__(self, values: Sequence[Any]) -> Array:
        encode, convert = self._encode, self._convert
        if convert is not None:
            values = [None if value is None else convert(value) for value in values]
        if None in values:
            body = [_NULL if value is None else encode(value) for value in values]
        else:
            body = [encode(value) for value in values]
        return Array(_HEADER.pack(1, 1, self._oid, len(body), 1) + b"".join(body))


def _fixed(code: str) -> Encode:
    pair = Struct(f"!i{code}")
    return partial(pair.pack, pair.size - _LENGTH.size)


def _bytes(value: bytes) -> bytes:
    return _LENGTH.pack(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(value.encode())


_long = _fixed("q")


_day = _fixed("i")


def _date(value: date) -> bytes:
    return _day((value - _EPOCH.date()).days)


def _moment(value: datetime) -> bytes:
    return _long((value - _EPOCH) // _MICROSECOND)


_ENCODERS: dict[str, Encode] = {
    "smallint": _fixed("h"),
    "integer": _fixed("i"),
    "bigint": _long,
    "boolean": _fixed("?"),
    "real": _fixed("f"),
    "double precision": _fixed("d"),
    "date": _date,
    "timestamp with time zone": _moment,
    "varchar": _text,
    "json": _text,
    "bytea": _bytes,
}
