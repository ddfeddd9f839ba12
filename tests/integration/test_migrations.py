"""The schema that migrations make is the one that the models mean, on both databases."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect

from fleet.store.database import Base, db
from fleet.store.migrate import MIGRATIONS, is_current


def config(connection: object) -> Config:
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.attributes["connection"] = connection
    return found


def test_there_is_one_newest_revision() -> None:
    assert len(ScriptDirectory.from_config(config(None)).get_heads()) == 1


def test_the_migrated_schema_is_what_the_models_say(worker: Flask) -> None:
    with worker.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_every_migration_can_be_taken_back_and_made_again(worker: Flask) -> None:
    with worker.app_context():
        with db.engine.connect() as connection:
            command.downgrade(config(connection), "base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        assert not is_current(db.engine)
        with db.engine.connect() as connection:
            command.upgrade(config(connection), "head")
        assert is_current(db.engine)
