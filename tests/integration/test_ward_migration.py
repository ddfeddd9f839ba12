"""The migrations of what nurses do, with data in it, both ways on both databases."""

from alembic import command
from flask import Flask
from sqlalchemy import inspect, text

from fleet.services.floor_plans import draw_zones, set_neighbours
from fleet.services.holds import Hand
from fleet.services.report_fault import report_fault
from fleet.services.take_device import take_device
from fleet.store.database import db
from tests.support.hospital import NOON, build_hospital, reading, say, state, telemetry
from tests.support.migrating import config

BEFORE = "0014"
TABLES = {
    "badge", "check_out", "fault_report", "floor_plan", "kiosk", "kiosk_session", "ward_neighbour"
}  # fmt: skip


def migrate(direction: str, revision: str) -> None:
    db.session.remove()
    with db.engine.connect() as connection:
        getattr(command, direction)(config(connection), revision)


def test_taken_back_devices_are_what_they_say_of_themselves(worker: Flask) -> None:
    with worker.app_context():
        build_hospital()
        say("telemetry", telemetry(reading(1)))
        take_device("cart-001", Hand("user:ana"), NOON)
        report_fault("cart-002", "screen", Hand("user:ana"), NOON)
        draw_zones("ward-3a", {"3A-bay-1": "0,0 50,50"}, "user:it", NOON)
        set_neighbours("ward-3a", ["ward-3b"], "user:it", NOON)

        migrate("downgrade", BEFORE)
        assert not TABLES & set(inspect(db.engine).get_table_names())
        with db.engine.connect() as connection:
            words = connection.scalars(text("SELECT availability FROM device_state ORDER BY 1"))
            assert list(words) == ["available", "unknown"]
            names = connection.scalars(text("SELECT name FROM zone"))
            assert list(names) == ["bay 1"]

        migrate("upgrade", "head")
        assert set(inspect(db.engine).get_table_names()) >= TABLES
        assert (state().availability, state().hold) == ("available", None)
        take_device("cart-001", Hand("user:ana"), NOON)
        assert state().hold == "taken"
