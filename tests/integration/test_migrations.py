"""The schema that migrations make is the one that the models mean, on both databases."""

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import create_engine, inspect, text

from fleet.cli import main
from fleet.store.database import Base, db
from fleet.store.migrate import MIGRATIONS, is_current
from fleet.store.partitions import is_partition


def config(connection: object) -> Config:
    found = Config()
    found.set_main_option("script_location", str(MIGRATIONS))
    found.attributes["connection"] = connection
    return found


def test_there_is_one_newest_revision() -> None:
    assert len(ScriptDirectory.from_config(config(None)).get_heads()) == 1


# SQLite's index over lower(serial): SQLAlchemy cannot read it back there.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection")
@pytest.mark.filterwarnings(
    "ignore:autogenerate skipping metadata-specified expression-based index"
)
def test_the_migrated_schema_is_what_the_models_say(worker: Flask) -> None:
    with worker.app_context(), db.engine.connect() as connection:
        opts = {"compare_type": True, "include_name": lambda name, *_: not is_partition(name or "")}
        context = MigrationContext.configure(connection, opts=opts)
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


def test_code_stays_ready_while_the_database_is_migrated_for_its_next_version(
    worker: Flask,
) -> None:
    with worker.app_context():
        for revision, is_fine in (("9999", True), ("0001", False)):
            db.session.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})
            db.session.commit()
            assert is_current(db.engine) == is_fine


def test_the_command_goes_to_the_newest_schema_and_back_to_an_older_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_DATA_DIR", str(tmp_path))
    engine = create_engine(f"sqlite:///{tmp_path}/wardfleet.sqlite")
    for arguments in ([], ["--back-to=0001"]):
        assert CliRunner().invoke(main, ["migrate", *arguments]).exit_code == 0
        assert inspect(engine).has_table("reading_daily") == is_current(engine) == (not arguments)
    answer = CliRunner().invoke(main, ["migrate", "--back-to=0815"])
    assert str(answer.exception).startswith("fleet: --back-to 0815: Can't locate revision")
    engine.dispose()
