"""The migration of shifts, promises and outcomes with data in it, both ways on both databases."""

from flask import Flask
from sqlalchemy import text

from fleet.services.places import add_site
from fleet.services.shifts import set_ward_shifts
from fleet.store.database import db
from fleet.store.models import Alert, Site
from tests.support.hospital import NOON, build_hospital, reading, say, seconds, telemetry
from tests.support.migrating import downgrade, upgrade

BEFORE = "0007"
ALERTS = text("SELECT id, device_pk, kind, state, detail FROM alert ORDER BY id")


def migrate(way: object, revision: str) -> None:
    db.session.remove()
    way(db.engine, revision)  # type: ignore[operator]


def alerts() -> list[tuple[object, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(ALERTS)]


def test_alerts_go_there_and_back_unchanged_and_go_on_counting(worker: Flask) -> None:
    with worker.app_context():
        build_hospital()
        for minute in range(8):
            at = NOON + seconds(60 * minute)
            say("telemetry", telemetry(reading(minute, soc=4, at=at)), at)
        before = alerts()
        assert [row[2] for row in before] == ["needs_charging"]
        migrate(downgrade, BEFORE)
        assert alerts() == before
        with db.engine.connect() as connection:
            connection.execute(text("DELETE FROM alert"))
            connection.commit()
        migrate(upgrade, "head")
        say("telemetry", telemetry(reading(9, soc=3, at=at, apps=[])), at)
        other = telemetry(reading(1, soc=90, at=at, apps=[{"name": "emar", "state": "crashed"}]))
        say("telemetry", other, at, "cart-002")
        (new,) = db.session.query(Alert).filter_by(device_pk=2)
        assert new.id > before[0][0]


def test_a_site_entered_by_a_process_of_before_has_the_usual_shifts(worker: Flask) -> None:
    with worker.app_context():
        with db.engine.connect() as connection:
            site = "INSERT INTO site (slug, name, timezone) VALUES ('old', 'Old', 'UTC')"
            connection.execute(text(site))
            connection.commit()
        assert db.session.query(Site).one().shift_starts == ["07:00", "15:00", "23:00"]


def test_what_the_schema_before_has_no_place_for_begins_anew(worker: Flask) -> None:
    with worker.app_context():
        add_site("north", "North", "UTC", "test", NOON, ["06:00"])
        build_hospital()
        set_ward_shifts("ward-3a", ["06:30"], "test", NOON)
        migrate(downgrade, BEFORE)
        migrate(upgrade, "head")
        assert {tuple(site.shift_starts) for site in db.session.query(Site)} == {
            ("07:00", "15:00", "23:00")
        }
