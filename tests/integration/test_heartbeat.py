"""Each process writes down that it lives, and takes it back as it ends."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from fleet.config import Settings
from fleet.ingest import pipeline
from fleet.ingest.batch import Inbound
from fleet.ingest.metrics import LAG
from fleet.services.heartbeat import FORGOTTEN_AFTER, Heart, beat_until, forget_silent
from fleet.store.database import db, in_words
from fleet.store.models import ServiceInstance
from fleet.store.queries.health import instances, round_trip_at, signs_of_life
from fleet.store.types import to_ms
from fleet.up import greet
from fleet.wire import topics
from tests.support.signs import sign
from tests.support.waiting import wait_until
from tests.support.which_database import on_postgresql


@pytest.fixture(autouse=True)
def inside(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        yield


def rows() -> list[ServiceInstance]:
    db.session.rollback()
    return instances(db.session())


def named(settings: Settings, instance: str) -> Settings:
    return Settings.from_env(
        {
            "FLEET_DATABASE_URL": settings.database_url,
            "FLEET_DATA_DIR": str(settings.data_dir),
            "FLEET_INSTANCE": instance,
        }
    )


def test_a_process_says_who_it_is_and_what_it_has_counted(settings: Settings) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    Heart("ingest", settings).beat(broker_connected=True, lag=timedelta(seconds=2))
    [row] = rows()
    assert row.instance == settings.instance_name("ingest")
    assert str(row.pid) in row.instance
    assert row.host in row.instance
    assert before <= row.started_at <= row.at <= datetime.now(UTC)
    assert (row.version, row.broker_connected, row.lag_ms) == ("0.1.0", True, 2000)
    assert "wardfleet_disk_free_bytes" in {family["name"] for family in row.metrics}


def test_several_of_a_kind_have_a_row_each(settings: Settings) -> None:
    for name in ("ingest-a", "ingest-b"):
        Heart("ingest", named(settings, name)).beat(broker_connected=True)
    Heart("schedule", named(settings, "ingest-a")).beat(broker_connected=False)
    found = {(s.process, s.instance, s.broker_connected) for s in signs_of_life(db.session())}
    assert found == {
        ("ingest", "ingest-a", True),
        ("ingest", "ingest-b", True),
        ("schedule", "ingest-a", False),
    }


def test_the_processes_of_one_machines_web_are_told_apart(settings: Settings) -> None:
    heart = Heart("web", named(settings, "web-a"))
    assert heart.instance.startswith("web-a-")
    assert heart.instance != "web-a-"


def test_a_restarted_process_takes_its_row_over(settings: Settings) -> None:
    for _ in range(2):
        Heart("ingest", named(settings, "ingest-a")).beat(broker_connected=True)
    assert len(rows()) == 1


def test_it_is_written_now_and_then_and_at_once_when_something_changes(settings: Settings) -> None:
    heart = Heart("ingest", settings)
    heart.beat(broker_connected=True)
    [first] = [row.at for row in rows()]
    heart.beat(broker_connected=True)
    assert [row.at for row in rows()] == [first]
    heart.beat(broker_connected=False)
    assert [row.broker_connected for row in rows()] == [False]
    heart.beat(broker_connected=False, problem="disk full " * 100)
    [row] = rows()
    assert row.problem
    assert row.problem.startswith("disk full")
    heart.beat(broker_connected=False)
    assert [row.problem for row in rows()] == [None]


def test_a_process_that_ends_takes_its_row_away_and_no_other(settings: Settings) -> None:
    hearts = [Heart("ingest", named(settings, name)) for name in ("a", "b")]
    for heart in hearts:
        heart.beat()
    hearts[0].stop()
    assert [row.instance for row in rows()] == ["b"]


def test_a_thread_beats_until_it_is_told_to_stop(worker: Flask, settings: Settings) -> None:
    stop, heart = Event(), Heart("web", settings)
    thread = Thread(target=beat_until, args=(stop, heart, worker.app_context))
    thread.start()
    wait_until(rows)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert rows() == []


def test_the_rows_of_the_long_dead_are_removed() -> None:
    now = datetime.now(UTC)
    sign("ingest", now - FORGOTTEN_AFTER - timedelta(seconds=1), "dead")
    sign("ingest", now - FORGOTTEN_AFTER + timedelta(seconds=1), "silent")
    forget_silent(now)
    assert [row.instance for row in rows()] == ["silent"]


def test_the_services_own_message_shows_the_way_and_the_lag() -> None:
    now = datetime.now(UTC)
    sent_at = now - timedelta(seconds=90)
    beat = json.dumps({"sent_ms": to_ms(sent_at)}).encode()
    pipeline.process([Inbound(topics.HEARTBEAT, beat, now)], now)
    came = round_trip_at(db.session())
    assert came
    assert abs(came - sent_at) < timedelta(milliseconds=2)
    lag = LAG.now()
    assert lag
    assert abs(lag - timedelta(seconds=90)) < timedelta(seconds=1)


# --- Where the database takes no writes -----------------------------------------------------


# SQLite knows this of a connection alone; tests/faults/test_07_disk_full.py has a full disk.


@contextmanager
def taking_no_writes() -> Iterator[None]:
    """As a full disk or a standby would be, to every connection."""
    engine = db.engine
    name = engine.url.database

    def read_only(word: str) -> None:
        with engine.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(
                text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {word}')
            )
        engine.dispose()  # the setting is for new connections

    db.session.remove()
    read_only("on")
    try:
        yield
    finally:
        db.session.remove()
        read_only("off")


def test_an_error_of_the_database_repeats_no_value_of_its_statement() -> None:
    with pytest.raises(SQLAlchemyError) as raised:
        db.session.execute(text("SELECT no_such_function(:secret)"), {"secret": "canary"})
    assert "no_such_function" in str(raised.value)
    assert "canary" not in str(raised.value)
    assert "no_such_function" in in_words(raised.value)
    assert "SELECT" not in in_words(raised.value)


@on_postgresql
def test_a_sign_that_cannot_be_written_is_told_and_stops_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    heart = Heart("web", settings)
    with taking_no_writes(), caplog.at_level(logging.WARNING):
        heart.beat()
        assert heart.unwritten
        assert "read-only" in heart.unwritten
        heart.stop()
    assert "INSERT INTO" not in caplog.text
    assert rows() == []
    heart.beat(problem="something new to say")
    assert heart.unwritten is None
    assert len(rows()) == 1


@on_postgresql
def test_what_runs_goes_on_though_no_link_for_an_administrator_can_be_made(
    worker: Flask, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with taking_no_writes():
        greet(worker, settings, [])
    said = capsys.readouterr().out
    assert "Wardfleet is running." in said
    assert "/setup/" not in said
