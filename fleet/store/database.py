"""The one database: its engine settings, and the one way to write to it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import DeclarativeBase, Session


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base, disable_autonaming=True)

NEVER_AGAIN = {"sqlite_autoincrement": True}
"""For a table whose ids stand in addresses and in the audit: SQLite would give the id of a deleted
last row to the next one, and so a page that was opened before would change something else."""

_WRITE = "wardfleet_write"
_LAST = "wardfleet_last"
Fence = Callable[[Session], None]
_fence: ContextVar[Fence | None] = ContextVar("fence", default=None)
STALLED_AFTER = "20s"
"""A transaction in which nothing happens for so long is that of a process which was stopped, or cut
off: PostgreSQL ends it, so that others get at the rows it holds."""


def engine_options(url: str) -> dict[str, Any]:
    """What `create_engine` needs for this URL beside it.

    No error repeats the values of its statement: hashes of passwords and tokens are among them.
    """
    if url.startswith("sqlite"):
        return {
            "connect_args": {"timeout": 30, "check_same_thread": False},
            "hide_parameters": True,
        }
    return {
        "hide_parameters": True,
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
    stalled = f"-c idle_in_transaction_session_timeout={STALLED_AFTER}"
    return {
        "connect_timeout": given.get("connect_timeout", ("10",))[-1],
        "options": " ".join((stalled, *given.get("options", ()), "-c timezone=UTC")),
    }


def prepare_engine(engine: Engine) -> None:
    """SQLite as a server would behave: write-ahead log, every commit on disk, foreign keys held.

    A writer takes the lock at its first word (BEGIN IMMEDIATE): a transaction that starts by
    reading and then wants to write would be refused as soon as another process wrote meanwhile.
    PostgreSQL needs one thing alone: see `_keep_time_running`.
    """
    if engine.dialect.name != "sqlite":
        event.listen(engine, "after_cursor_execute", _keep_time_running)
        return
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", _on_sqlite_begin)


def _keep_time_running(
    _connection: Connection,
    cursor: Any,
    _statement: str,
    _parameters: object,
    _context: object,
    executemany: bool,
) -> None:
    """One word more after each `executemany`, or PostgreSQL never finds its session stalled.

    psycopg runs it as a pipeline, whose last message asks for a flush: that stops the server's
    clock for `idle_in_transaction_session_timeout`, and only the next statement starts it again.
    """
    if executemany:
        cursor.connection.execute("SELECT 1")


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


def in_words(error: SQLAlchemyError) -> str:
    """What the database itself said, in a line: without the statement and its values."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def is_passing(error: Exception) -> bool:
    """Whether the same may go well a moment later: the database is away, full, or busy.

    By SQLSTATE (PostgreSQL, appendix A), or by SQLite's name of the result.
    """
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return isinstance(error, DBAPIError)
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorname", "").startswith(_PASSING_SQLITE)
    state = getattr(error.orig, "sqlstate", None)
    return state is None or state[:2] in _PASSING_STATES


_PASSING_SQLITE = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR")
_PASSING_STATES = frozenset({"08", "40", "53", "55", "57"})


def can_write_at_once() -> bool:
    """Whether two transactions may write at the same time: in SQLite one waits for the other."""
    return db.engine.dialect.name != "sqlite"


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
    session.info[_LAST] = {}
    try:
        session.connection(execution_options={_WRITE: True})
        if (may_write := _fence.get()) is not None:
            may_write(session)
        yield session
        left = session.info[_LAST]
        for very_last, step in sorted(left, key=lambda key: key[0]):
            step(session, left[very_last, step])
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_WRITE, None)
        session.info.pop(_LAST, None)


def leave_for_last(
    session: Session,
    step: Callable[[Session, list[Any]], None],
    item: Any,
    *,
    very_last: bool = False,
) -> None:
    """`step` runs once, as the last thing before the commit, with all that was left for it.

    `very_last`: after those that are not. For what every transaction waits for: held no longer than
    the commit takes, and by nobody who still waits for anything else.
    """
    session.info[_LAST].setdefault((very_last, step), []).append(item)


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that reads everything as of one moment, and keeps nobody from writing."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            # It is not stopped: it waits for a dump that may take an hour.
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection


@contextmanager
def fenced(may_write: Fence) -> Iterator[None]:
    """Every transaction inside begins by asking `may_write`, which raises if it may not.

    One inside another: both are asked, the outer one first.
    """
    outer = _fence.get()

    def both(session: Session) -> None:
        if outer is not None:
            outer(session)
        may_write(session)

    token = _fence.set(both)
    try:
        yield
    finally:
        _fence.reset(token)
