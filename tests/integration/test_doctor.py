"""`fleet doctor`: what it finds, what it says to do, and that one fault hides no other."""

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import text

from fleet.config import Settings
from fleet.doctor import broker as broker_check
from fleet.doctor import examine, machine, postgres, sqlite
from fleet.doctor.broker import certificates
from fleet.doctor.case import Case
from fleet.doctor.command import doctor
from fleet.doctor.finding import Finding, Level
from fleet.jobs.table import JOBS
from fleet.store.database import Base, db, transaction
from fleet.store.models import OutboxMessage
from fleet.store.queries.diagnosis import Postgres, Sqlite, Table
from tests.support.broker import Broker
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.processes import free_port
from tests.support.signs import all_well, round_trip, sign
from tests.support.small_disk import mounted


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """SQLite, where a test does not ask for both."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    url: str = request.getfixturevalue(fixture[getattr(request, "param", "sqlite")])
    return url


on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
on_postgres = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def settings(database_url: str, tmp_path: Path, broker: Broker) -> Settings:
    return configured(database_url, tmp_path / "data", broker.url)


def configured(database_url: str, data_dir: Path, mqtt_url: str, **more: str) -> Settings:
    return Settings.from_env(
        {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_DATA_DIR": str(data_dir),
            "FLEET_MQTT_URL": mqtt_url,
            **more,
        }
    )


def jobs(ended_at: datetime) -> list[Any]:
    """What a schedule carries whose jobs all ended well then."""
    name = "wardfleet_job_last_success_timestamp_seconds"
    samples = [[name, {"name": job.name}, ended_at.timestamp()] for job in JOBS]
    return [{"name": name, "help": "", "type": "gauge", "samples": samples}]


@pytest.fixture
def well(worker: Flask) -> Iterator[None]:
    """A service in which all is as it should be."""
    now = datetime.now(UTC)
    with worker.app_context():
        all_well(now)
        sign("schedule", now, metrics=jobs(now))
        build_hospital(now=now)
        say("telemetry", telemetry(reading(1, at=now)), now)
        yield


def found(settings: Settings) -> dict[str, Finding]:
    """The worst finding of each name."""
    by_name: dict[str, Finding] = {}
    with Case(settings) as case:
        for finding in examine.examine(case):
            assert (finding.do is None) == (finding.level is Level.OK), finding
            known = by_name.get(finding.name)
            if known is None or finding.level > known.level:
                by_name[finding.name] = finding
    return by_name


def troubles(settings: Settings) -> dict[str, Level]:
    return {f.name: f.level for f in found(settings).values() if f.level and f.name != "durability"}


@on_both
@pytest.mark.usefixtures("well")
def test_where_all_is_well_nothing_is_to_do(settings: Settings) -> None:
    everything = found(settings)
    assert troubles(settings) == {}
    assert {
        "data directory", "disk", "clock", "database", "migrations", "size", "broker",
        "certificates broker", "certificates pages", "certificates database", "readyz lag",
        "readyz round_trip", "processes", "jobs", "outbox", "readings", "device clocks",
    } <= everything.keys()  # fmt: skip
    # The tests' own PostgreSQL throws durability away, for speed; SQLite does not.
    is_postgres = settings.database_url.startswith("postgresql")
    assert everything["durability"].level == (Level.FAIL if is_postgres else Level.OK)
    assert ("fsync" in everything["durability"].found) == is_postgres


def test_without_a_database_all_else_is_still_looked_at(tmp_path: Path, broker: Broker) -> None:
    (tmp_path / "data").mkdir()
    for url in (
        f"postgresql://me:hunter2@127.0.0.1:{free_port()}/x",
        f"sqlite:///{tmp_path}/data/none.sqlite",
    ):
        everything = found(configured(url, tmp_path / "data", broker.url))
        assert everything["database"].level is Level.FAIL
        assert "hunter2" not in str(everything)
        assert everything["broker"].level is Level.OK
        assert everything["disk"].level is Level.OK
        for name in ("migrations", "readiness", "jobs", "outbox", "readings"):
            assert everything[name].level is Level.WARN
            assert "not looked at" in everything[name].found
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.usefixtures("well")
def test_without_a_broker_all_else_is_still_looked_at(database_url: str, tmp_path: Path) -> None:
    settings = configured(database_url, tmp_path / "data", f"mqtt://127.0.0.1:{free_port()}")
    assert troubles(settings) == {"broker": Level.FAIL}
    assert "FLEET_MQTT_URL" in str(found(settings)["broker"].do)


@on_both
@pytest.mark.usefixtures("well")
def test_a_check_that_breaks_is_told_and_hides_no_other(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_case: Case) -> Iterator[Finding]:
        raise KeyError("surprise")
        yield

    def refused(case: Case) -> Iterator[Finding]:
        case.session.execute(text("SELECT nonsense FROM nowhere"))
        yield

    monkeypatch.setattr(examine, "CHECKS", (broken, refused, *examine.CHECKS))
    assert troubles(settings) == {"broken": Level.FAIL, "refused": Level.FAIL}
    assert "surprise" in caplog.text


@pytest.mark.usefixtures("well")
def test_what_readyz_says_is_said_here_too(settings: Settings) -> None:
    sign("ingest", datetime.now(UTC), lag_ms=45_000, problem="disk full")
    round_trip(datetime.now(UTC) - timedelta(minutes=1))
    everything = found(settings)
    assert troubles(settings).keys() == {
        "readyz lag", "readyz recording", "readyz round_trip", "processes"
    }  # fmt: skip
    assert "disk full" in everything["processes"].found


@pytest.mark.usefixtures("well")
def test_two_versions_side_by_side_and_a_silent_process_are_told(settings: Settings) -> None:
    now = datetime.now(UTC)
    sign("ingest", now, "newer", version="0.2.0")
    said = found(settings)["processes"]
    assert said.level is Level.WARN
    assert "0.1.0 and 0.2.0" in said.found
    sign("ingest", now, "newer")
    sign("web", now - timedelta(minutes=7), "gone", host="ward-server")
    said = found(settings)["processes"]
    assert "web gone fell silent 7 min ago" in said.found
    assert "ward-server" in str(said.do)


@pytest.mark.usefixtures("well")
def test_a_job_that_has_not_ended_well_for_long_is_named(settings: Settings) -> None:
    sign("schedule", datetime.now(UTC), metrics=jobs(datetime.now(UTC) - timedelta(minutes=5)))
    said = found(settings)["jobs"]
    assert said.level is Level.WARN
    assert "mark_silent" in said.found
    assert "forget_old" not in said.found  # it is due but once an hour


@pytest.mark.usefixtures("well")
def test_a_schedule_that_has_just_started_owes_nothing_yet(settings: Settings) -> None:
    sign("schedule", datetime.now(UTC), started_at=datetime.now(UTC) - timedelta(seconds=5))
    assert troubles(settings) == {}
    sign("schedule", datetime.now(UTC), started_at=datetime.now(UTC) - timedelta(minutes=5))
    assert troubles(settings) == {"jobs": Level.WARN}


@pytest.mark.usefixtures("well")
def test_where_no_schedule_runs_no_job_is_said_to_be_on_time(settings: Settings) -> None:
    sign("schedule", datetime.now(UTC) - timedelta(minutes=1), metrics=jobs(datetime.now(UTC)))
    assert troubles(settings)["jobs"] is Level.WARN


@pytest.mark.usefixtures("well")
def test_an_ingest_that_grows_is_named(settings: Settings) -> None:
    name = "process_resident_memory_bytes"
    held = [{"name": name, "help": "", "type": "gauge", "samples": [[name, {}, 900e6]]}]
    sign("ingest", datetime.now(UTC), metrics=held)
    assert "900 MB" in found(settings)["memory"].found
    assert troubles(settings) == {"memory": Level.WARN}


@on_both
@pytest.mark.usefixtures("well")
def test_messages_that_nobody_takes_are_told(settings: Settings) -> None:
    with transaction() as session:
        created_at = datetime.now(UTC) - timedelta(minutes=3)
        session.add(OutboxMessage(topic="t", payload=b"", created_at=created_at))
    assert troubles(settings) == {"outbox": Level.WARN}


@pytest.mark.parametrize(
    ("sampled", "received", "named"),
    [
        (timedelta(0), timedelta(0), set()),
        (timedelta(hours=1), timedelta(hours=1), {"readings"}),
        (timedelta(minutes=2), timedelta(0), {"device clocks"}),
        (timedelta(minutes=-2), timedelta(0), {"device clocks"}),
        (timedelta(days=9_000), timedelta(0), set()),  # a clock that nobody believes
    ],
)
def test_readings_tell_of_silence_and_of_clocks(
    worker: Flask, settings: Settings, sampled: timedelta, received: timedelta, named: set[str]
) -> None:
    now = datetime.now(UTC)
    with worker.app_context():
        all_well(now)
        sign("schedule", now, metrics=jobs(now))
        build_hospital(now=now)
        said = [reading(seq, at=now - sampled) for seq in range(5)]
        say("birth", {"v": 1, "boot": 1, "session": 1}, now - received)
        say("telemetry", telemetry(*said), now - received)
    assert troubles(settings).keys() == named


@on_both
def test_a_schema_of_another_version_is_told(worker: Flask, settings: Settings) -> None:
    with worker.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert found(settings)["migrations"].level is Level.FAIL


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
    assert plain("mqtt://localhost", FLEET_HTTP_HOST="0.0.0.0") == {"pages"}
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


@on_postgres
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


# --- The command ----------------------------------------------------------------------------


def run(settings: Settings, *arguments: str, **more: str) -> Result:
    environ = {
        "FLEET_DATABASE_URL": settings.database_url,
        "FLEET_DATA_DIR": str(settings.data_dir),
        "FLEET_MQTT_URL": settings.mqtt_url,
    }
    return CliRunner().invoke(doctor, arguments, env=environ | more)


@pytest.mark.usefixtures("well")
def test_the_exit_status_is_the_worst_that_was_found(settings: Settings) -> None:
    assert run(settings).exit_code == 0
    sign("web", datetime.now(UTC) - timedelta(minutes=7), "gone")
    assert run(settings).exit_code == 1
    sign("ingest", datetime.now(UTC) - timedelta(minutes=7))
    said = run(settings)
    assert said.exit_code == 2
    assert "fail  readyz ingest" in said.output
    assert "-> Not heard of within its deadline" in said.output


@pytest.mark.usefixtures("well")
def test_for_programs_it_is_one_document(settings: Settings) -> None:
    said = json.loads(run(settings, "--json").output)
    assert said["level"] == "ok"
    assert {check["level"] for check in said["checks"]} == {"ok"}
    assert {"name", "level", "found", "do"} == said["checks"][0].keys()


def test_a_setting_that_is_wrong_is_a_finding(settings: Settings) -> None:
    said = run(settings, "--json", FLEET_HTTP_PORT="eighty")
    assert said.exit_code == 2
    [check] = json.loads(said.output)["checks"]
    assert check["name"] == "settings"
    assert "FLEET_HTTP_PORT=eighty" in check["found"]


def test_the_command_is_there_and_starts_quickly(tmp_path: Path) -> None:
    fleet = shutil.which("fleet") or str(Path(".venv/bin/fleet").absolute())
    said = subprocess.run([fleet, "doctor", "--help"], capture_output=True, text=True, check=True)
    assert "Exit status" in said.stdout
