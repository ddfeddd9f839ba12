"""The drill restores the newest backup beside the running system, and its proof is kept."""

import subprocess

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, select, text

from fleet.cli import main
from fleet.config import Settings
from fleet.recovery.archive import backups
from fleet.recovery.drill import run_drill
from fleet.services.recovery import Proof
from fleet.store.checksums import TableSum, table_sums
from fleet.store.database import db, snapshot
from fleet.store.models import AuditEntry
from fleet.store.queries.recovery import newest_drill
from tests.support.backups import backed_up
from tests.support.hospital import NOON, reading, say, telemetry


def drilled(settings: Settings) -> Proof:
    return run_drill(settings, None, "test", NOON)


def tamper(statement: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text(statement))


def databases(url: str) -> list[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        names = connection.execute(text("SELECT datname FROM pg_database")).scalars().all()
    engine.dispose()
    return [name for name in names if "drill" in name]


def test_a_passed_drill_leaves_its_proof_and_nothing_else(
    hospital: None, settings: Settings
) -> None:
    path = backed_up(settings).path
    before = sums()
    proof = drilled(settings)
    assert proof.problems == ()
    written = {name for name, found in sums().items() if found != before[name]}
    assert written == {"recovery_drill", "audit_chain", "audit_entry"}
    kept = newest_drill()
    assert kept
    assert (kept.passed, kept.file, kept.at) == (True, path.name, NOON)
    assert kept.rows == sum(found.rows for found in before.values()) - 1  # the backup's own entry
    assert kept.sha256 == subprocess.check_output(["sha256sum", path], text=True).split()[0]
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry
    assert (entry.action, (entry.after or {})["passed"]) == ("recovery.drill", True)
    assert not list(settings.data_dir.glob(".recovery-*"))
    if settings.database_url.startswith("postgresql"):
        assert databases(settings.database_url) == []


def sums() -> dict[str, TableSum]:
    with snapshot(db.engine) as connection:
        return table_sums(connection)


def test_what_the_running_system_has_since_is_no_difference(
    hospital: None, settings: Settings
) -> None:
    backed_up(settings)
    say("telemetry", telemetry(reading(21)))
    assert drilled(settings).problems == ()


def test_a_broken_audit_chain_in_the_backup_fails_the_drill_and_names_the_row(
    hospital: None, settings: Settings
) -> None:
    tamper("UPDATE audit_entry SET actor = 'somebody else' WHERE id = 2")
    backed_up(settings)
    [problem] = drilled(settings).problems
    assert problem.startswith("audit: entry 2 (ward.add of ward/ward-3a, 2026-11-24 12:00)")
    kept = newest_drill()
    assert kept
    assert (kept.passed, kept.problem) == (False, problem)


def test_a_damaged_backup_fails_the_drill(hospital: None, settings: Settings) -> None:
    path = backed_up(settings).path
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert drilled(settings).problems
    kept = newest_drill()
    assert kept
    assert (kept.passed, kept.file) == (False, path.name)


def test_a_checksum_sees_every_change_of_a_row(hospital: None) -> None:
    before = sums()
    for change in (
        "UPDATE reading SET soc_pct = soc_pct - 1",
        "UPDATE device SET model = '' WHERE model IS NULL AND id = 1",
        "DELETE FROM zone",
    ):
        table = change.replace("DELETE FROM", "UPDATE").split()[1]
        tamper(change)
        assert sums()[table] != before[table], change
    assert {n for n, s in sums().items() if s != before[n]} == {"reading", "device", "zone"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_commands_say_what_there_is_and_fail_where_something_fails(
    hospital: None, settings: Settings
) -> None:
    runner = CliRunner(
        env={
            "FLEET_DATA_DIR": str(settings.data_dir),
            "FLEET_DATABASE_URL": settings.database_url.replace("+psycopg", ""),
        }
    )
    failed = runner.invoke(main, ["drill"])
    assert failed.exit_code == 1
    assert f"no backup: 0 rows in 0 tables in 0.0 s: FAILED: {settings.backup_dir}: no backup" in (
        failed.output
    )
    assert runner.invoke(main, ["backup"]).exit_code == 0
    assert runner.invoke(main, ["drill"]).output.endswith(": passed\n")
    first, second = runner.invoke(main, ["drill", "--history"]).output.splitlines()
    assert first.endswith(": passed")
    assert "FAILED" in second
    assert "entries, unbroken; the last is" in runner.invoke(main, ["audit", "verify"]).output
    tamper("UPDATE audit_entry SET actor = 'somebody else' WHERE id = 2")
    [backup] = backups(settings.backup_dir)
    for against in ([], ["--backup", str(backup.path)]):
        verified = runner.invoke(main, ["audit", "verify", *against])
        assert verified.exit_code == 1
        assert verified.output.startswith("fleet: audit: entry 2 (ward.add of ward/ward-3a")
