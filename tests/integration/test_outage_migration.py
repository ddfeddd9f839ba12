"""The migration of alerts and deadlines, with data in it, both ways on both databases."""

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from fleet.domain.outage import HOLD
from fleet.ingest.pipeline import process
from fleet.services.judge_silence import judge_silence
from fleet.services.silence import mark_silent
from fleet.store.database import db
from fleet.store.migrate import MIGRATIONS
from fleet.store.models import DeviceState
from tests.support.hospital import (
    NOON,
    build_hospital,
    message,
    reading,
    run_low,
    say,
    seconds,
    telemetry,
)

THIS = "0005"


def migrate(direction: str, revision: str) -> None:
    db.session.remove()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)


def before() -> str:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    previous = ScriptDirectory.from_config(config).get_revision(THIS).down_revision
    assert isinstance(previous, str)
    return previous


def kinds() -> list[str]:
    with db.engine.connect() as connection:
        return list(connection.scalars(text("SELECT kind FROM alert ORDER BY kind")))


def test_device_alerts_stay_and_wards_alerts_go_with_their_place(worker: Flask) -> None:
    names = [f"cart-{n:03d}" for n in range(1, 6)]
    with worker.app_context():
        build_hospital(carts=5)
        for name in names:
            run_low(NOON, name)
            say("telemetry", telemetry(reading(1, soc=10)), NOON, name)
        gone = {"online": False, "session": 1}
        process([message("state", gone, NOON, name) for name in names[1:]], NOON)
        judge_silence(NOON + HOLD)
        assert kinds() == 5 * ["needs_charging"] + ["outage"]

        migrate("downgrade", before())
        assert kinds() == 5 * ["needs_charging"]
        migrate("upgrade", "head")
        assert kinds() == 5 * ["needs_charging"]
        if db.engine.dialect.name == "sqlite":  # which forgets, as it copies the table
            table = text("SELECT sql FROM sqlite_master WHERE name = 'alert'")
            assert "AUTOINCREMENT" in (db.session.scalar(table) or "")

        # Who was online before is found by the first sweep, and the silent one is marked.
        assert mark_silent(NOON + seconds(75)) == 1
        assert not db.session.get_one(DeviceState, 1).online
