"""The schema: brought up to date, and asked whether it is."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import Migrate
from sqlalchemy import Engine, create_engine

from fleet.store import models  # noqa: F401  (Alembic compares the complete metadata)
from fleet.store.database import engine_options, prepare_engine

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"

migrate = Migrate(directory=str(MIGRATIONS))


def upgrade(database_url: str) -> None:
    """Bring the database at this URL to the newest revision."""
    _run(database_url, command.upgrade, "head")


def downgrade(database_url: str, revision: str) -> None:
    """Bring it back to that revision. Raises CommandError where there is no such one behind it."""
    _run(database_url, command.downgrade, revision)


def _run(database_url: str, way: Callable[[Config, str], None], revision: str) -> None:
    engine = create_engine(database_url, **engine_options(database_url))
    prepare_engine(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        way(config, revision)
    engine.dispose()


def is_current(engine: Engine) -> bool:
    """Whether the database stands at the newest revision that this code knows, or at a newer one.

    Code goes on running while the database is migrated for its next version (ADR 8).
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    older = {step.revision for step in script.walk_revisions()} - set(script.get_heads())
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_heads()
    return bool(found) and older.isdisjoint(found)
