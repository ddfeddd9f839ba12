"""PostgreSQL: pg_dump of a snapshot that is counted as well, and pg_restore in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from fleet.recovery import pg_tools
from fleet.recovery.errors import RecoveryError
from fleet.recovery.facts import Facts, facts_in
from fleet.store.database import snapshot

MEMBER = "database.dump"
_SCRATCH = "wardfleet_drill_"
_BOTH = ("--no-owner", "--no-privileges")
"""Another server has other users. Rights that were given to them are given again by hand."""
_ANEW = ("--exit-on-error", "--single-transaction")


@contextmanager
def _engine(url: str, **options: str) -> Iterator[Engine]:
    engine = create_engine(url, poolclass=NullPool, **options)
    try:
        yield engine
    finally:
        engine.dispose()


def dump(url: str, folder: Path) -> Facts:
    """What pg_dump writes and what we count are of one snapshot; nobody waits for it."""
    with _engine(url) as engine, snapshot(engine) as connection:
        name = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        arguments = [
            "--format=custom",
            "--compress=1",
            f"--snapshot={name}",
            f"--schema={_schema(engine)}",
            f"--file={folder / MEMBER}",
        ]
        pg_tools.run("pg_dump", _major(engine), url, [*arguments, *_BOTH])
        return facts_in(connection)


def _major(engine: Engine) -> int:
    """15 of 15.4: pg_dump must be as new as the server."""
    assert engine.dialect.server_version_info
    return int(engine.dialect.server_version_info[0])


def check(_url: str) -> list[str]:
    """Nothing: indexes and constraints were made anew, which checked them."""
    return []


@contextmanager
def scratch(url: str, folder: Path) -> Iterator[str]:
    """The database in `folder`, as one of its own beside the running one: its URL."""
    name = f"{_SCRATCH}{datetime.now(UTC):%Y%m%d%H%M%S}_{token_hex(4)}"
    with _engine(url, isolation_level="AUTOCOMMIT") as engine:
        _drop_abandoned(engine)
        try:
            _run(engine, f"CREATE DATABASE {name} TEMPLATE template0")
        except DBAPIError as error:
            raise RecoveryError(
                f"cannot make a database to restore into ({str(error.orig).strip()}); "
                "ALTER ROLE ... CREATEDB gives the right to it"
            ) from error
        schema, there = _schema(engine), pg_tools.with_database(url, name)
        try:
            with _engine(there, isolation_level="AUTOCOMMIT") as beside:
                _run(beside, f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
                _load(beside, folder, schema)
            yield there
        finally:
            _run(engine, f"DROP DATABASE {name} WITH (FORCE)")


def _drop_abandoned(engine: Engine) -> None:
    """Of drills that were killed: nobody is connected to them, else they are not dropped."""
    query = text("SELECT datname FROM pg_database WHERE starts_with(datname, :scratch)")
    with engine.connect() as connection:
        names = connection.execute(query, {"scratch": _SCRATCH}).scalars().all()
    for name in names:
        with suppress(DBAPIError):
            _run(engine, f'DROP DATABASE "{name}"')


def _run(engine: Engine, *statements: str) -> None:
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))


def _load(engine: Engine, folder: Path, schema: str) -> None:
    arguments = [*_BOTH, *_ANEW, f"--schema={schema}", str(folder / MEMBER)]
    url = engine.url.render_as_string(hide_password=False)
    pg_tools.run("pg_restore", _major(engine), url, arguments)


def replace(
    url: str, folder: Path, prepare: Callable[[str], None], now: datetime, keep: bool
) -> str | None:
    """Put the database in `folder` in place of what is there; returns the schema that keeps that.

    `prepare` gets its URL, and may refuse it: then everything is as it was.
    """
    with _engine(url, isolation_level="AUTOCOMMIT") as engine:
        schema = _schema(engine)
        aside = f"{schema}_before_{now:%Y%m%dt%H%M%Sz}"
        _run(engine, f'ALTER SCHEMA "{schema}" RENAME TO "{aside}"', f'CREATE SCHEMA "{schema}"')
        try:
            _load(engine, folder, schema)
            _run(engine, "ANALYZE")  # else every query is planned for empty tables
            prepare(url)
        except BaseException:
            _run(
                engine,
                f'DROP SCHEMA "{schema}" CASCADE',
                f'ALTER SCHEMA "{aside}" RENAME TO "{schema}"',
            )
            raise
        if not keep:
            _run(engine, f'DROP SCHEMA "{aside}" CASCADE')
    return f"schema {aside}" if keep else None


def _schema(engine: Engine) -> str:
    with engine.connect() as connection:
        return str(connection.execute(text("SELECT current_schema()")).scalar_one())
