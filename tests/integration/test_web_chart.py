"""The charge of a device over time: gathered by the database, honest about silence."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from fleet.services.rollups import roll_up
from fleet.store.database import db, transaction
from fleet.store.models import Reading, RollupProgress
from fleet.store.queries.charge_history import Bucket, bucket_for, charge_history
from fleet.store.rollup import DAY, HOUR, day_of
from fleet.web.charge_chart import LONGEST, SHORTEST, SPANS, lines, span_of, width_for
from tests.support.api import statements
from tests.support.hospital import build_hospital, reading, say, telemetry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WIDTH = 10 * MINUTE


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
        found = charge_history(1, NOW, NOW + 30 * MINUTE, WIDTH)
    start = int(NOW.timestamp())
    assert found == [
        Bucket(start, 85.5, 81, 90, charging=False),
        Bucket(start + 600, 75.5, 71, 80, charging=False),
        Bucket(start + 1200, 65.5, 61, 70, charging=True),
    ]


def test_a_span_holds_what_was_sampled_in_it_and_nothing_of_others(app: Flask) -> None:
    with app.app_context():
        assert charge_history(2, NOW, NOW + 30 * MINUTE, WIDTH) == []
        assert len(charge_history(1, NOW + 10 * MINUTE, NOW + 20 * MINUTE, WIDTH)) == 1


@pytest.mark.parametrize(
    "claimed", [datetime(1970, 1, 1, tzinfo=UTC), NOW + timedelta(days=900)], ids=["1970", "ahead"]
)
def test_a_reading_of_a_wrong_clock_is_drawn_where_it_arrived(
    app: Flask, claimed: datetime
) -> None:
    arrived = NOW + 100 * MINUTE
    with app.app_context():
        say("telemetry", telemetry(reading(40, 55, claimed)), arrived)
        found = charge_history(1, NOW + 90 * MINUTE, NOW + 110 * MINUTE, WIDTH)
        assert found == [Bucket(int(arrived.timestamp()), 55, 55, 55, charging=False)]
        for moment in (claimed, NOW + 40 * MINUTE):
            assert charge_history(1, moment, moment + 10 * MINUTE, WIDTH) == []


def test_a_reading_that_waited_long_is_drawn_where_it_was_taken(app: Flask) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(40, 55, NOW + 60 * MINUTE)), NOW + 60 * 24 * 20 * MINUTE)
        assert len(charge_history(1, NOW + 60 * MINUTE, NOW + 61 * MINUTE, WIDTH)) == 1


def test_a_clock_a_little_ahead_is_believed(app: Flask) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(40, 55, NOW + 64 * MINUTE)), NOW + 60 * MINUTE)
        assert len(charge_history(1, NOW + 64 * MINUTE, NOW + 65 * MINUTE, MINUTE)) == 1


def test_the_chart_is_read_by_its_indices(app: Flask) -> None:
    with app.app_context(), statements(app) as sent:
        charge_history(1, NOW, NOW + 30 * MINUTE, WIDTH)
        if db.engine.dialect.name == "sqlite":  # PostgreSQL walks so small a table as it lies
            plan = db.session.connection().exec_driver_sql(
                f"EXPLAIN QUERY PLAN {sent[-1]}", (1,) * sent[-1].count("?")
            )
            steps = [row[3] for row in plan if "reading" in row[3]]
            within = "(device_pk=? AND {0}>? AND {0}<?)"
            assert steps == [
                f"SEARCH reading USING PRIMARY KEY {within.format('sampled_at')}",
                f"SEARCH reading USING INDEX ix_reading_misdated {within.format('received_at')}",
            ]


def buckets_of(width: timedelta, since: datetime, until: datetime) -> list[Bucket]:
    """What the readings themselves come to, told by their rows."""
    db.session.rollback()
    found: dict[int, list[Any]] = defaultdict(list)
    for row in db.session.scalars(select(Reading).where(Reading.device_pk == 2)):
        if since <= row.sampled_at < until:
            found[int((row.sampled_at - EPOCH) // width * width.total_seconds())].append(row)
    return [
        Bucket(
            start,
            round(sum(row.soc_pct for row in rows) / len(rows), 1),
            min(row.soc_pct for row in rows),
            max(row.soc_pct for row in rows),
            2 * sum(row.status == "charging" for row in rows) >= len(rows),
        )
        for start, rows in sorted(found.items())
    ]


@pytest.mark.parametrize("width", [HOUR, DAY], ids=["hours", "days"])
@pytest.mark.parametrize("rolled_h", [0, 1, 30, 80, 100])
def test_long_spans_show_the_same_however_much_is_rolled_up(
    app: Flask, width: timedelta, rolled_h: int
) -> None:
    """Three and a half days, with a gap of a day in them."""
    begin = NOW + DAY
    until = begin + 84 * HOUR
    with app.app_context():
        with transaction() as session:
            session.execute(update(RollupProgress).values(open_hour=begin, swept_to=None))
        said = [
            reading(4 * hour + n, (7 * hour + 11 * n) % 101, begin + hour * HOUR + 15 * n * MINUTE,
                    battery={"status": "charging" if hour % 5 < n else "discharging"})
            for hour in (*range(30), *range(54, 84))
            for n in range(4)
        ]  # fmt: skip
        say("telemetry", telemetry(*said), until, "cart-002")
        roll_up(begin + rolled_h * HOUR)
        expected = buckets_of(width, begin - 12 * HOUR, until)
        assert len(expected) == (60 if width == HOUR else 4)
        assert charge_history(2, begin, until, width) == expected
        with transaction() as session:
            over = min(begin + rolled_h * HOUR, day_of(until))
            session.execute(delete(Reading).where(Reading.sampled_at < over))
        assert charge_history(2, begin, until, width) == expected


def test_a_span_has_hundreds_of_buckets_and_no_more() -> None:
    for length in SPANS.values():
        assert 100 < length / width_for(length) < 800
    assert width_for(timedelta(hours=6)) == MINUTE
    assert width_for(timedelta(hours=7)) == bucket_for(timedelta(hours=7)) == 5 * MINUTE


def test_a_stretch_is_what_was_chosen_within_what_can_be_drawn() -> None:
    at = int(NOW.timestamp())
    assert span_of("", at, at + 7_200, NOW) == (NOW, NOW + 2 * HOUR, MINUTE)
    assert span_of("day", None, at, NOW) == (NOW - DAY, NOW, 5 * MINUTE)
    for since, until, length in ((at, at, SHORTEST), (at, at - 99, SHORTEST), (0, at, LONGEST)):
        found = span_of("", since, until, NOW)
        assert found
        assert found.until - found.since == length
    assert span_of("century", None, None, NOW) is None
    assert span_of("", 2**40, 2**40, NOW) is None


def bucket(start: int, mean: float = 50) -> Bucket:
    return Bucket(start, mean, int(mean) - 1, int(mean) + 1, charging=False)


def test_silence_is_a_gap_in_the_line() -> None:
    drawn = lines([bucket(0), bucket(300), bucket(3_000)], bucket_s=300, interval_s=30)
    assert drawn["at"] == [0, 300, 600, 3_000]
    assert drawn["mean"] == [50, 50, None, 50]
    assert drawn["low"] == [49, 49, None, 49]


def test_one_empty_hour_is_silence() -> None:
    drawn = lines([bucket(0), bucket(3_600), bucket(10_800)], bucket_s=3_600, interval_s=30)
    assert drawn["at"] == [0, 3_600, 7_200, 10_800]
    assert drawn["mean"] == [50, 50, None, 50]


def test_slow_reporting_is_no_silence() -> None:
    drawn = lines([bucket(0), bucket(900), bucket(1_800)], bucket_s=300, interval_s=900)
    assert None not in drawn["mean"]
