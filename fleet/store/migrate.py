"""The schema: brought up to date, and asked whether it is."""

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
    engine = create_engine(database_url, **engine_options(database_url))
    prepare_engine(engine)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    engine.dispose()


def is_current(engine: Engine) -> bool:
    """Whether the database stands at the newest revision that this code knows."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.connect() as connection:
        heads = MigrationContext.configure(connection).get_current_heads()
    return set(heads) == set(ScriptDirectory.from_config(config).get_heads())
