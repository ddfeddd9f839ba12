"""The migration of what is learned of packs, back and up again with data in it."""

from flask import Flask
from sqlalchemy import text

from fleet.domain.words import AlertKind
from fleet.services.alerts import reconcile
from fleet.store.database import db, transaction
from fleet.store.models import Alert
from tests.support.hospital import NOON, build_hospital, reading, say, telemetry
from tests.support.migrating import downgrade, upgrade

BEFORE = "0006"
OLD, NEW = AlertKind.APP_FAILED, AlertKind.OVERHEATING


def test_alerts_that_the_schema_before_has_no_word_for_go_and_the_others_stay(
    worker: Flask,
) -> None:
    with worker.app_context():
        build_hospital()
        with transaction() as session:
            due = {1: {OLD: "emar", NEW: "a pack has 70 degrees"}}
            reconcile(session, due, frozenset(due[1]), NOON)
        db.session.remove()
        downgrade(db.engine, BEFORE)
        with db.engine.connect() as connection:
            kinds = connection.execute(text("SELECT kind FROM alert")).scalars().all()
        assert kinds == [OLD]
        upgrade(db.engine, "head")
        assert db.session.query(Alert).one().kind == OLD


def test_a_pack_keeps_its_row_and_its_readings_there_and_back(worker: Flask) -> None:
    with worker.app_context():
        build_hospital()
        say("telemetry", telemetry(reading(1)), NOON)
        packs = text("SELECT id, device_pk, serial, chemistry FROM battery_pack")
        before = db.session.execute(packs).all()
        assert len(before) == 1
        db.session.remove()
        downgrade(db.engine, BEFORE)
        upgrade(db.engine, "head")
        assert db.session.execute(packs).all() == before
