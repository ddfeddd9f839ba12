"""Backup and restore: everything is there again, and nothing is overwritten."""

import stat
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, select, text

from fleet.config import SettingError, Settings
from fleet.data_dir import only_one
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.webhooks import Deliverer
from fleet.jobs.table import JOBS, Tools
from fleet.recovery.archive import Backup, backups
from fleet.recovery.drill import run_drill
from fleet.recovery.errors import RecoveryError
from fleet.recovery.restore import restore
from fleet.store.database import db, snapshot
from fleet.store.migrate import MIGRATIONS, is_current, upgrade
from fleet.store.models import AuditEntry
from fleet.store.queries.audit_chain import verify
from tests.support.backups import LATER, backed_up, how, sums
from tests.support.hospital import NOON, build_hospital, inside, reading, say, telemetry
from tests.support.postgres import cluster_folder, initdb, serving
from tests.support.signs import sign
from tests.support.which_database import on_sqlite

CHANGED_BY_RESTORE = {
    "alembic_version", "alert", "api_token", "assignment", "audit_chain", "audit_entry",
    "configuration", "device", "login_session", "outbox_message", "service_heartbeat",
    "setup_link", "sign_in_failure", "transition", "ward",
}  # fmt: skip


def test_every_row_and_every_file_is_there_again(
    hospital: None, settings: Settings, elsewhere: Settings
) -> None:
    certificate = settings.data_dir / "certs" / "ca.pem"
    certificate.parent.mkdir()
    certificate.write_text("a certificate")
    before = sums(settings)
    taken = backed_up(settings)
    assert taken.manifest.facts.tables == before
    assert before["reading"].rows == 20
    restored = restore(elsewhere, taken.path, how())
    assert restored.aside == ()
    after = sums(elsewhere)
    untouched = before.keys() - CHANGED_BY_RESTORE
    assert {n: after[n] for n in untouched} == {n: before[n] for n in untouched}
    assert {n: s.rows for n, s in after.items() if n in ("device", "ward", "assignment")} == {
        n: s.rows for n, s in before.items() if n in ("device", "ward", "assignment")
    }
    assert (elsewhere.data_dir / "certs" / "ca.pem").read_text() == "a certificate"
    assert elsewhere.secret_key() == settings.secret_key()
    with inside(elsewhere):
        assert is_current(db.engine)
        say("telemetry", telemetry(reading(21)))
        with snapshot(db.engine) as connection:
            assert verify(connection, taken.manifest.facts.audit).problem is None


def test_the_backup_is_on_record_and_readable_by_its_owner_alone(
    hospital: None, settings: Settings
) -> None:
    taken = backed_up(settings)
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600
    assert [p.name for p in settings.backup_dir.iterdir() if not p.name.startswith(".")] == [
        taken.path.name
    ]
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry
    assert (entry.action, entry.subject) == ("recovery.backup", "recovery")
    assert (entry.after or {})["file"] == taken.path.name


@on_sqlite
def test_only_the_newest_are_kept_and_nothing_else_is_touched(
    hospital: None, settings: Settings
) -> None:
    settings.backup_dir.mkdir(parents=True)
    (settings.backup_dir / "notes.txt").write_text("ours")
    taken = [backed_up(settings, NOON + timedelta(days=day), keep=2) for day in range(4)]
    assert backups(settings.backup_dir) == [
        Backup(taken[3].path, NOON + timedelta(days=3)),
        Backup(taken[2].path, NOON + timedelta(days=2)),
    ]
    assert (settings.backup_dir / "notes.txt").exists()


# --- What a restore refuses -----------------------------------------------------------------


def test_a_database_that_holds_something_is_put_aside_only_if_told(
    hospital: None, settings: Settings
) -> None:
    taken = backed_up(settings)
    say("telemetry", telemetry(reading(99)))
    db.session.remove()
    db.engine.dispose()
    before = sums(settings)
    with pytest.raises(RecoveryError, match="holds data already"):
        restore(settings, taken.path, how())
    assert sums(settings) == before
    [aside] = restore(settings, taken.path, how(force=True)).aside
    assert sums(settings)["reading"].rows == 20
    if settings.database_url.startswith("sqlite"):
        kept = sums(replace(settings, database_url=f"sqlite:///{aside}"))
        assert kept["reading"].rows == 21
    else:
        engine = create_engine(settings.database_url)
        assert inspect(engine).has_table("reading", schema=aside.removeprefix("schema "))
        engine.dispose()


def test_a_service_that_was_started_and_never_used_is_nothing_to_put_aside(
    hospital: None, settings: Settings, elsewhere: Settings
) -> None:
    upgrade(elsewhere.database_url)
    with inside(elsewhere):
        sign("ingest", NOON)
    [aside] = restore(elsewhere, backed_up(settings).path, how()).aside
    assert "secret_key.before-" in aside


def test_a_running_service_is_not_restored_over(hospital: None, settings: Settings) -> None:
    taken = backed_up(settings)
    with only_one(settings.data_dir), pytest.raises(SettingError, match="running on it already"):
        restore(settings, taken.path, how(force=True))
    sign("schedule", LATER - timedelta(seconds=3))
    with pytest.raises(RecoveryError, match=r"a sign of life 3 s ago\): stop it"):
        restore(settings, taken.path, how())


def test_a_backup_from_before_the_audit_chain_is_brought_up_to_date(
    hospital: None, settings: Settings, elsewhere: Settings
) -> None:
    entries = sums(settings)["audit_entry"].rows
    db.session.remove()
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0001")
    taken = backed_up(settings)
    assert taken.manifest.facts.audit is None
    restore(elsewhere, taken.path, how())
    with inside(elsewhere):
        assert is_current(db.engine)
        with snapshot(db.engine) as connection:
            assert verify(connection)[::2] == (entries + 1, None)


def test_a_password_reaches_the_programs_of_postgresql(tmp_path: Path) -> None:
    with cluster_folder() as folder:
        initdb(folder / "data")
        rules = folder / "pg_hba.conf"
        rules.write_text(
            "host all fleet 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n"
        )
        rules.chmod(0o644)
        with serving(folder / "data", hba_file=str(rules)) as server:
            engine = create_engine(server.create("wardfleet"), isolation_level="AUTOCOMMIT")
            with engine.connect() as connection:
                connection.execute(
                    text("CREATE ROLE fleet LOGIN CREATEDB PASSWORD 'hunter2@%41/:'")
                )
                connection.execute(text("ALTER DATABASE wardfleet OWNER TO fleet"))
            url = engine.url.set(username="fleet", password="hunter2@%41/:")
            engine.dispose()
            settings = Settings.from_env(
                {
                    "FLEET_DATABASE_URL": url.set(drivername="postgresql").render_as_string(
                        hide_password=False
                    ),
                    "FLEET_DATA_DIR": str(tmp_path / "data"),
                }
            )
            upgrade(settings.database_url)
            with inside(settings):
                build_hospital()
                backed_up(settings)
                assert run_drill(settings, None, "test", NOON).problems == ()


@on_sqlite
def test_the_nightly_job_takes_one_backup_a_night(hospital: None, settings: Settings) -> None:
    nightly = replace(settings, backup_at=time(3, 15))
    [job] = [job for job in JOBS if job.name == "nightly_backup"]
    deliverer = Deliverer(nightly.secret_key(), nightly.webhook_hosts)
    tools = Tools(nightly, Publisher(nightly.mqtt_url, "test"), deliverer)
    for minutes in (0, 10, 20):
        job.run(tools, NOON + timedelta(minutes=minutes))
    assert [backup.taken_at for backup in backups(settings.backup_dir)] == [NOON]
    job.run(tools, NOON + timedelta(days=1))
    assert len(backups(settings.backup_dir)) == 2
