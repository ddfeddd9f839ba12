"""`fleet doctor`: what it finds, what it says to do, and that one fault hides no other."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import text

from fleet.config import Settings
from fleet.doctor import examine
from fleet.doctor.case import Case
from fleet.doctor.command import doctor
from fleet.doctor.finding import Finding, Level
from fleet.store.database import db, transaction
from fleet.store.models import OutboxMessage
from tests.support.broker import Broker
from tests.support.doctor import configured, found, jobs, troubles
from tests.support.hospital import build_hospital, reading, say, telemetry
from tests.support.processes import free_port
from tests.support.signs import all_well, round_trip, sign
from tests.support.which_database import on_both


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
    assert troubles(settings).keys() - {"backups", "drills"} == named


@on_both
def test_a_schema_of_an_older_version_is_told(worker: Flask, settings: Settings) -> None:
    with worker.app_context(), db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert found(settings)["migrations"].level is Level.FAIL


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
