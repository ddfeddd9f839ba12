"""The migration of alerts of rollouts, with data in it, both ways on both databases."""

from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import text

from fleet.domain.outage import HOLD
from fleet.ingest.pipeline import process
from fleet.services.judge_silence import judge_silence
from fleet.services.rollouts.steer import halt_rollout
from fleet.store.database import db
from fleet.store.migrate import MIGRATIONS
from tests.support.hospital import message
from tests.support.rollouts import Carts


def migrate(direction: str, revision: str) -> None:
    db.session.remove()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        getattr(command, direction)(config, revision)


def rows(query: str) -> list[tuple[object, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def standing() -> list[tuple[object, ...]]:
    """What an outage consists of: its alert, its figures, and who is part of it."""
    alerts = "SELECT id, kind, state, ward_id FROM alert WHERE kind = 'outage'"
    members = "SELECT device_pk, outage_id FROM device_state WHERE outage_id IS NOT NULL ORDER BY 1"
    return rows(alerts) + rows("SELECT * FROM outage") + rows(members)


def test_outages_stay_and_alerts_of_rollouts_go_with_their_place(worker: Flask) -> None:
    with worker.app_context():
        carts = Carts(wards=1)
        halt_rollout(carts.begin(), "user:ada", carts.now)
        process(
            [message("state", {"online": False, "session": 1}, carts.now, name)
             for name in carts.names], carts.now,
        )  # fmt: skip
        judge_silence(carts.now + HOLD)
        outage = standing()
        assert len(outage) == 2 + len(carts.names)
        assert rows("SELECT count(*) FROM alert WHERE kind = 'rollout_halted'") == [(1,)]

        migrate("downgrade", "0012")
        assert standing() == outage
        assert rows("SELECT count(*) FROM alert WHERE kind = 'rollout_halted'") == [(0,)]
        migrate("upgrade", "head")
        assert standing() == outage
        if db.engine.dialect.name == "sqlite":  # which forgets both, as it copies the table
            (table,) = rows("SELECT sql FROM sqlite_master WHERE name = 'alert'")[0]
            assert "AUTOINCREMENT" in str(table)
            assert "ck_alert_one_subject" in str(table)
            assert "rollout_id IS NULL" in str(table)
