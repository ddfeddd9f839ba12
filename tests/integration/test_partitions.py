"""The history's partitions on PostgreSQL: made ahead, never in the way, and gone in time."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Connection, literal_column, select, text

from fleet.services.leadership import NotLeading
from fleet.services.partitions import (
    DAYS_AHEAD,
    drop_partitions,
    make_partitions,
    pack_partitions,
)
from fleet.store.database import db, fenced, transaction
from fleet.store.models import Reading
from fleet.store.partitions import partitioned_days
from fleet.store.rollup import day_of
from tests.bench.filling import AS_THEY_COME, fill
from tests.support.elsewhere import Elsewhere, somebody_waits_for_a_lock
from tests.support.hospital import build_hospital, message, process, reading, say, telemetry
from tests.support.waiting import wait_until

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
TODAY = day_of(NOW)


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(now=NOW)
        yield


@pytest.fixture
def backup(worker: Flask) -> Iterator[Connection]:
    """Somebody who reads the history for hours."""
    with db.engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM reading"))
        yield connection


def days() -> set[datetime]:
    db.session.rollback()
    return partitioned_days(db.session())


def places() -> list[tuple[str, int]]:
    """The partition of each reading, and the reading's number."""
    db.session.rollback()
    place: Any = literal_column("tableoid::regclass::text")
    rows = db.session.execute(select(place, Reading.seq).order_by(Reading.seq))
    return [(name, seq) for name, seq in rows]


def partition_of(moment: datetime) -> str:
    return f"reading_{moment:%Y%m%d}"


def test_each_day_has_its_partition_and_clocks_that_lie_have_theirs() -> None:
    said = [(1, NOW), (2, NOW + DAY), (3, NOW.replace(year=1970)), (4, NOW.replace(year=2199))]
    say("telemetry", telemetry(*(reading(seq, at=at) for seq, at in said)), NOW)
    assert places() == [
        (partition_of(NOW), 1),
        (partition_of(NOW + DAY), 2),
        ("reading_default", 3),
        ("reading_default", 4),
    ]


def test_partitions_are_made_ahead_and_once() -> None:
    before = days()
    make_partitions(NOW + 3 * DAY)
    assert days() - before == {TODAY + (DAYS_AHEAD + n) * DAY for n in (1, 2, 3)}
    make_partitions(NOW + 3 * DAY)
    assert max(days()) == TODAY + (DAYS_AHEAD + 3) * DAY


def test_readings_that_came_before_their_partition_move_into_it_as_it_is_made() -> None:
    """`schedule` stood still for weeks, and ingest went on."""
    later = NOW + (DAYS_AHEAD + 5) * DAY
    for seq in range(3):
        say("telemetry", telemetry(reading(seq, at=later + seq * DAY)), later + seq * DAY)
    assert {name for name, _ in places()} == {"reading_default"}
    make_partitions(later)
    assert places() == [(partition_of(later + seq * DAY), seq) for seq in range(3)]
    say("telemetry", telemetry(reading(0, at=later)), later)
    assert len(places()) == 3


def test_two_schedulers_make_the_same_partitions_without_harm(elsewhere: Elsewhere) -> None:
    later = NOW + 20 * DAY
    for each in [elsewhere(lambda: make_partitions(later)) for _ in range(3)]:
        each.result(20)
    make_partitions(later)
    assert max(days()) == day_of(later) + DAYS_AHEAD * DAY


def test_ingest_writes_while_partitions_are_made(elsewhere: Elsewhere) -> None:
    """Into the very days that are being made; the default takes them until then."""
    later = NOW + (DAYS_AHEAD + 5) * DAY
    making = elsewhere(lambda: [make_partitions(later + number * DAY) for number in range(10)])
    sent = 0
    while not making.done():
        words = [
            message("telemetry", telemetry(reading(sent + n, at=later + n * DAY)), later)
            for n in range(20)
        ]
        acks = process(words, later)
        assert len(acks["cart-001", 1].seqs) == 20
        sent += 20
    making.result()
    make_partitions(later + 10 * DAY)
    assert len(places()) == sent
    assert {name for name, _ in places()} == {partition_of(later + n * DAY) for n in range(20)}


@pytest.mark.usefixtures("backup")
def test_who_reads_the_history_for_hours_puts_partitions_off_and_ingest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = days()
    with caplog.at_level(logging.WARNING):
        make_partitions(NOW + 3 * DAY)
        drop_partitions(NOW)
    assert caplog.text.count("put off") == 2
    assert days() == before
    say("telemetry", telemetry(reading(1, at=NOW)), NOW)
    assert len(places()) == 1


def test_a_day_is_dropped_with_all_that_is_in_it_and_no_other_is() -> None:
    for seq in range(-1, 3):
        say("telemetry", telemetry(reading(seq + 1, at=NOW + seq * DAY)), NOW + seq * DAY)
    before = days()
    drop_partitions(TODAY + DAY)
    assert before - days() == {day for day in before if day <= TODAY}
    assert [seq for _, seq in places()] == [2, 3]
    drop_partitions(TODAY + DAY)


def key_bytes(day: datetime) -> int:
    size = text(f"SELECT pg_relation_size('{partition_of(day)}_pkey')")
    with db.engine.connect() as connection:
        return int(connection.scalar(size) or 0)


def test_the_keys_of_days_that_are_over_are_packed_while_ingest_writes(
    elsewhere: Elsewhere,
) -> None:
    yesterday = TODAY - DAY
    with transaction() as session:
        for day in (yesterday, TODAY):
            fill(session.connection(), day, timedelta(minutes=5), 280, 150, AS_THEY_COME)
        session.execute(text("ANALYZE reading"))
    loose = key_bytes(yesterday)
    assert loose == key_bytes(TODAY) > 280 * 150 * 80
    with db.engine.connect() as batch:
        batch.execute(text(f"LOCK TABLE {partition_of(yesterday)} IN ROW EXCLUSIVE MODE"))
        packing = elsewhere(lambda: pack_partitions(TODAY + DAY))
        wait_until(somebody_waits_for_a_lock)
        said = telemetry(reading(1_000, at=yesterday))
        assert elsewhere(lambda: say("telemetry", said, NOW)).result(10)
    packing.result(30)
    assert key_bytes(yesterday) < 280 * 150 * 58
    assert key_bytes(TODAY) == loose
    assert len(places()) == 2 * 280 * 150 + 1


def test_an_index_left_by_a_packing_that_was_cut_off_is_no_hindrance_and_stops_nobody(
    caplog: pytest.LogCaptureFixture, elsewhere: Elsewhere
) -> None:
    yesterday = TODAY - DAY
    key = f"{partition_of(yesterday)}_pkey"
    with transaction() as session:
        fill(session.connection(), yesterday, timedelta(minutes=5), 280, 150, AS_THEY_COME)
        session.execute(text("ANALYZE reading"))
    left = f"CREATE INDEX {key}_ccnew ON {partition_of(yesterday)} (seq)"
    with db.engine.begin() as connection:
        connection.execute(text(left))
    loose = key_bytes(yesterday)
    with db.engine.connect() as backup, caplog.at_level(logging.WARNING):
        backup.execute(text("SELECT count(*) FROM reading"))
        packing = elsewhere(lambda: pack_partitions(TODAY + DAY))
        assert say("telemetry", telemetry(reading(1_000, at=yesterday)), NOW)
        packing.result(10)
        assert "put off" in caplog.text
    assert key_bytes(yesterday) == loose
    pack_partitions(TODAY + DAY)
    assert key_bytes(yesterday) < loose
    with db.engine.connect() as connection:
        assert connection.scalar(text(f"SELECT to_regclass('{key}_ccnew')")) is None


def test_who_no_longer_leads_changes_no_partition() -> None:
    def not_leading(_session: object) -> None:
        raise NotLeading("schedule")

    before = days()
    for change in (make_partitions, drop_partitions):
        with fenced(not_leading), pytest.raises(NotLeading):
            change(NOW + 3 * DAY)
    assert days() == before


def test_a_partition_goes_without_waiting_for_whoever_holds_a_device() -> None:
    """Ingest does so in every batch: readings have no foreign key to wait for."""
    with db.engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM device FOR UPDATE"))
        drop_partitions(TODAY)
        assert TODAY - DAY not in days()
