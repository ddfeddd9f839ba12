"""The charge of a device over time: gathered by the database, honest about silence."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from fleet.store.database import db
from fleet.store.queries.charge_history import Bucket, charge_history
from fleet.web.charge_chart import lines
from tests.support.api import statements
from tests.support.hospital import build_hospital, reading, say, telemetry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def hospital(app: Flask) -> None:
    """Half an hour at one reading a minute, the last ten minutes of it charging."""
    with app.app_context():
        build_hospital(now=NOW)
        readings = []
        for minute in range(30):
            pack = {"status": "charging" if minute >= 20 else "discharging"}
            readings.append(reading(minute, 90 - minute, NOW + minute * MINUTE, battery=pack))
        say("telemetry", telemetry(*readings), NOW + 30 * MINUTE)


def test_buckets_are_gathered_alike_on_every_database(app: Flask) -> None:
    with app.app_context():
        found = charge_history(1, NOW, NOW + 30 * MINUTE, 600)
    start = int(NOW.timestamp())
    assert found == [
        Bucket(start, 85.5, 81, 90, charging=False),
        Bucket(start + 600, 75.5, 71, 80, charging=False),
        Bucket(start + 1200, 65.5, 61, 70, charging=True),
    ]


def test_a_span_holds_what_was_sampled_in_it_and_nothing_of_others(app: Flask) -> None:
    with app.app_context():
        assert charge_history(2, NOW, NOW + 30 * MINUTE, 600) == []
        assert len(charge_history(1, NOW + 10 * MINUTE, NOW + 20 * MINUTE, 600)) == 1


@pytest.mark.parametrize(
    "claimed", [datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(days=900)], ids=["1970", "ahead"]
)
def test_a_reading_of_a_wrong_clock_is_drawn_where_it_arrived(
    app: Flask, claimed: datetime
) -> None:
    arrived = NOW + 100 * MINUTE
    with app.app_context():
        say("telemetry", telemetry(reading(40, 55, claimed)), arrived)
        found = charge_history(1, NOW + 90 * MINUTE, NOW + 110 * MINUTE, 600)
        assert found == [Bucket(int(arrived.timestamp()), 55, 55, 55, charging=False)]
        for moment in (claimed, NOW + 40 * MINUTE):
            assert charge_history(1, moment, moment + 10 * MINUTE, 600) == []


def test_a_reading_that_waited_long_is_drawn_where_it_was_taken(app: Flask) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(40, 55, NOW + 60 * MINUTE)), NOW + 60 * 24 * 20 * MINUTE)
        assert len(charge_history(1, NOW + 60 * MINUTE, NOW + 61 * MINUTE, 600)) == 1


def test_a_clock_a_little_ahead_is_believed(app: Flask) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(40, 55, NOW + 64 * MINUTE)), NOW + 60 * MINUTE)
        assert len(charge_history(1, NOW + 64 * MINUTE, NOW + 65 * MINUTE, 60)) == 1


def test_the_chart_is_read_by_its_index(app: Flask) -> None:
    with app.app_context(), statements(app) as sent:
        charge_history(1, NOW, NOW + 30 * MINUTE, 600)
        if db.engine.dialect.name == "sqlite":  # PostgreSQL walks so small a table as it lies
            plan = db.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {sent[-1]}", (1,) * sent[-1].count("?")
            )
            steps = [row[3] for row in plan if "reading" in row[3]]
            assert len(steps) == 3
            assert all("ix_reading_device_sampled (device_pk=? AND sampled" in s for s in steps)


def bucket(start: int, mean: float = 50) -> Bucket:
    return Bucket(start, mean, int(mean) - 1, int(mean) + 1, charging=False)


def test_silence_is_a_gap_in_the_line() -> None:
    drawn = lines([bucket(0), bucket(300), bucket(3_000)], bucket_s=300, interval_s=30)
    assert drawn["at"] == [0, 300, 600, 3_000]
    assert drawn["mean"] == [50, 50, None, 50]
    assert drawn["low"] == [49, 49, None, 49]


def test_slow_reporting_is_no_silence() -> None:
    drawn = lines([bucket(0), bucket(900), bucket(1_800)], bucket_s=300, interval_s=900)
    assert None not in drawn["mean"]
