"""The one database: its engine settings, and the one way to write to it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.orm import DeclarativeBase, Session


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base, disable_autonaming=True)

_WRITE = "wardfleet_write"


def engine_options(url: str) -> dict[str, Any]:
    """What `create_engine` needs for this URL beside it."""
    if url.startswith("sqlite"):
        return {"connect_args": {"timeout": 30, "check_same_thread": False}}
    return {
        "pool_size": 10,
        "max_overflow": 10,
        "pool_pre_ping": True,
        "connect_args": _session_options(url),
    }


def _session_options(url: str) -> dict[str, Any]:
    """Times in UTC: elsewhere the last of them would be in the year 10000, which Python has not.

    What the URL says itself still counts.
    """
    given = make_url(url).normalized_query
    return {
        "connect_timeout": given.get("connect_timeout", ("10",))[-1],
        "options": " ".join((*given.get("options", ()), "-c timezone=UTC")),
    }


def prepare_engine(engine: Engine) -> None:
    """SQLite as a server would behave: write-ahead log, every commit on disk, foreign keys held.

    A writer takes the lock at its first word (BEGIN IMMEDIATE): a transaction that starts by
    reading and then wants to write would be refused as soon as another process wrote meanwhile.
    """
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=30000",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def write_from_the_start(connection: Connection) -> None:
    """Every transaction that begins on it from now on is one that writes."""
    connection.execution_options(**{_WRITE: True})


@contextmanager
def transaction() -> Iterator[Session]:
    """One write transaction: committed at the end, rolled back on any error. They do not nest.

    Whatever the session has read before is read anew inside.
    """
    session = db.session()
    if session.info.get(_WRITE):
        raise RuntimeError("a transaction is open already: one use case, one transaction")
    if session.in_transaction():
        session.rollback()
    session.info[_WRITE] = True
    try:
        session.connection(execution_options={_WRITE: True})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_WRITE, None)
