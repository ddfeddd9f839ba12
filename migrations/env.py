"""Alembic's entry: with the connection that it was given, else with the application's."""

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection, text

from fleet.store import models  # noqa: F401  (completes the metadata)
from fleet.store.database import Base, write_from_the_start
from fleet.store.locks import Lock, held
from fleet.store.partitions import is_partition
from fleet.store.types import Instant, Word

PATIENCE = "10s"


def render_type(kind: str, thing: object, autogen: AutogenContext) -> str | bool:
    """Our own column types by their short names, imported where a migration uses them."""
    if kind == "type" and isinstance(thing, Instant | Word):
        name = type(thing).__name__
        autogen.imports.add(f"from fleet.store.types import {name}")
        return f"Word({thing.words!r})" if isinstance(thing, Word) else "Instant()"
    return False


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Partitions come and go by a job; to the models they are one table."""
    return kind != "table" or not is_partition(name or "")


def run(connection: Connection) -> None:
    """In a transaction of ours, which a migration may commit as it goes, so as not to stop ingest.

    Who finds another migration at work waits until it is done.
    """
    write_from_the_start(connection)
    connection.begin()
    with held(connection, Lock.MIGRATIONS):
        if connection.dialect.name == "postgresql":
            # Behind a lock that waits for a backup all who write would wait: rather migrate again.
            connection.execute(text(f"SET lock_timeout = '{PATIENCE}'"))
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
            include_name=include_name,
            render_item=render_type,
        )
        context.run_migrations()
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET lock_timeout = DEFAULT"))
        connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with current_app.extensions["migrate"].db.engine.connect() as own:
        run(own)
