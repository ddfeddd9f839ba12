"""Statements that SQLAlchemy has for each database apart, and that both understand alike."""

from collections.abc import Collection, Iterator
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import DeclarativeBase, Session

T = TypeVar("T")
AT_ONCE = 5_000
"""Values in one IN (...): PostgreSQL takes 65,535 parameters in a statement, SQLite 32,766."""


def chunks(values: Collection[T]) -> Iterator[list[T]]:
    """The values in lists short enough for one statement."""
    everything = list(values)
    for begin in range(0, len(everything), AT_ONCE):
        yield everything[begin : begin + AT_ONCE]


def insert_or_ignore(session: Session, model: type[DeclarativeBase]) -> Any:
    """INSERT that passes over what a unique key has already: what came twice is there once."""
    return insert_for(session, model).on_conflict_do_nothing()


def insert_for(session: Session, model: type[DeclarativeBase]) -> Any:
    """The INSERT of the session's own database, which knows ON CONFLICT."""
    connection: Connection = session.connection()
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(model.__table__)
