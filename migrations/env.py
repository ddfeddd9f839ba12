"""Alembic's entry: with the connection that it was given, else with the application's."""

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app
from sqlalchemy import Connection

from fleet.store import models  # noqa: F401  (completes the metadata)
from fleet.store.database import Base
from fleet.store.types import Instant, Word


def render_type(kind: str, thing: object, autogen: AutogenContext) -> str | bool:
    """Our own column types by their short names, imported where a migration uses them."""
    if kind == "type" and isinstance(thing, Instant | Word):
        name = type(thing).__name__
        autogen.imports.add(f"from fleet.store.types import {name}")
        return f"Word({thing.words!r})" if isinstance(thing, Word) else "Instant()"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=render_type,
    )
    with context.begin_transaction():
        context.run_migrations()
    if connection.in_transaction():
        connection.commit()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with current_app.extensions["migrate"].db.engine.connect() as own:
        run(own)
