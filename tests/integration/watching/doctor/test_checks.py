"""The checks of `fleet doctor` that look at the machine, the broker and the database."""

import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from fleet.config import Settings
from fleet.doctor import broker as broker_check
from fleet.doctor import machine, postgres, sqlite
from fleet.doctor.broker import certificates
from fleet.doctor.case import Case
from fleet.doctor.finding import Level
from fleet.store.database import Base, db
from fleet.store.queries.diagnosis import Postgres, Sqlite, Table
from tests.support.broker import Broker
from tests.support.doctor import configured, found
from tests.support.small_disk import mounted
from tests.support.which_database import on_postgresql

# --- The machine ----------------------------------------------------------------------------


def test_a_data_directory_that_is_not_there_is_told_and_not_made(
    settings: Settings, tmp_path: Path, broker: Broker
) -> None:
    elsewhere = configured(settings.database_url, tmp_path / "elsewhere", broker.url)
    assert found(elsewhere)["data directory"].level is Level.FAIL
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_is_warned_of_before_it_is_full(settings: Settings, broker: Broker) -> None:
    with mounted(32) as disk:
        there = configured(settings.database_url, disk.folder, broker.url)
        levels = []
        for used_mb in (10, 29, 32):
            (disk.folder / "filler").write_bytes(b"\0" * (used_mb * 2**20 - 4096))
            with Case(there) as case:
                levels.append(next(f for f in machine.disk(case) if str(disk.folder) in f.found))
    assert [finding.level for finding in levels] == [Level.OK, Level.WARN, Level.FAIL]


@pytest.mark.parametrize(
    ("program", "says", "level"),
    [
        ("timedatectl", "yes", Level.OK),
        ("timedatectl", "no", Level.WARN),
        ("chronyc", "Leap status : Normal", Level.OK),
        ("chronyc", "Leap status : Not synchronised", Level.WARN),
        ("none", "", Level.OK),
    ],
)
def test_who_keeps_the_clock_is_asked(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    says: str,
    level: Level,
) -> None:
    stand_in = tmp_path / "bin" / program
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\necho '{says}'\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(stand_in.parent))
    with Case(settings) as case:
        [finding] = machine.clock(case)
    assert finding.level is level


# --- The broker -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "missing"),
    [
        ("max_packet_size 100000", "messages of 786432 bytes"),
        ("retain_available false", "retained messages"),
        ("max_qos 0", "QoS 1"),
        ("allow_anonymous false", "refuses the service"),
    ],
)
def test_what_a_broker_does_not_allow_is_named(
    sqlite_url: str, tmp_path: Path, option: str, missing: str
) -> None:
    broker = Broker(tmp_path, option)
    broker.start()
    try:
        said = found(configured(sqlite_url, tmp_path / "data", broker.url))["broker"]
    finally:
        broker.stop()
    assert said.level is Level.FAIL
    assert missing in said.found


def test_somebody_who_listens_and_is_no_broker_is_told(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker_check, "PATIENCE_S", 0.3)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        port = mute.getsockname()[1]
        said = found(configured(sqlite_url, tmp_path / "data", f"mqtt://127.0.0.1:{port}"))
    assert "no answer to an MQTT 5 CONNECT" in said["broker"].found


def test_plain_text_is_fine_on_this_machine_alone(sqlite_url: str, tmp_path: Path) -> None:
    def plain(mqtt_url: str, **more: str) -> set[str]:
        case = Case(configured(more.pop("database", sqlite_url), tmp_path, mqtt_url, **more))
        return {f.name.removeprefix("certificates ") for f in certificates(case) if f.level}

    assert (
        plain("mqtt://127.0.0.1")
        == plain("mqtt://[::1]:1883")
        == plain("mqtt://localhost")
        == set()
    )
    assert plain("mqtt://broker.example") == {"broker"}
    assert plain("mqtts://broker.example", FLEET_HTTP_HOST="0.0.0.0") == set()
    remote = "postgresql://me@db.example/x"
    assert plain("mqtt://localhost", database=remote) == {"database"}
    assert plain("mqtt://localhost", database=f"{remote}?sslmode=require") == {"database"}
    assert plain("mqtt://localhost", database=f"{remote}?sslmode=verify-full") == set()


# --- The database ---------------------------------------------------------------------------

GOOD = Postgres(150_004, False, "on", "on", "on", 10**9, 20, 100, None, 10**8)


def judged(it: Postgres | Sqlite, *tables: Table) -> dict[str, Level]:
    checks = postgres.judge(it, tables) if isinstance(it, Postgres) else sqlite.judge(it)
    return {finding.name: finding.level for finding in checks if finding.level}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, {}),
        ({"version": 140_010}, {"database": Level.FAIL}),
        ({"in_recovery": True}, {"database": Level.FAIL}),
        ({"fsync": "off"}, {"durability": Level.FAIL}),
        ({"full_page_writes": "off"}, {"durability": Level.FAIL}),
        ({"synchronous_commit": "off"}, {"durability": Level.FAIL}),
        ({"connections": 95}, {"connections": Level.WARN}),
        ({"oldest_transaction": timedelta(minutes=6)}, {"upkeep": Level.WARN}),
        ({"unfrozen_ids": 1_500_000_000}, {"upkeep": Level.FAIL}),
    ],
)
def test_what_postgresql_says_of_itself_is_judged(
    changed: dict[str, Any], named: dict[str, Level]
) -> None:
    assert judged(GOOD._replace(**changed)) == named


def test_an_autovacuum_left_behind_is_told_by_the_table() -> None:
    table = Table("device_state", 10**9, 2_000_000, 900_000)
    assert judged(GOOD, table) == {}
    assert judged(GOOD, table._replace(dead_rows=1_100_000)) == {"upkeep": Level.WARN}
    assert judged(GOOD, table._replace(live_rows=10**8, dead_rows=1_100_000)) == {}


def test_what_sqlite_says_of_itself_is_judged() -> None:
    good = Sqlite("3.40.1", "wal", 2, 10**6, 10**6)
    assert judged(good) == {}
    assert judged(good._replace(journal_mode="delete")) == {"durability": Level.FAIL}
    assert judged(good._replace(synchronous=1)) == {"durability": Level.FAIL}
    assert judged(good._replace(log_bytes=2 * 10**9)) == {"size": Level.WARN}


@on_postgresql
def test_an_old_transaction_and_the_sizes_are_seen_on_a_real_server(
    worker: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "LONG_TRANSACTION", timedelta(milliseconds=1))
    with worker.app_context(), db.engine.connect() as idle:
        idle.execute(text("SELECT 1"))
        everything = found(settings)
    assert everything["upkeep"].level is Level.WARN
    assert any(f"{table} 0 MB" in everything["size"].found for table in Base.metadata.tables)
    assert everything["database clock"].level is Level.OK
