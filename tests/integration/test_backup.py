"""Backup and restore: everything is there again, nothing is overwritten, nothing is believed."""

import hashlib
import json
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import msgspec
import pytest
from alembic import command
from alembic.config import Config
from flask import Flask
from sqlalchemy import create_engine, inspect, select, text

from fleet.config import SettingError, Settings
from fleet.data_dir import files_to_keep, only_one
from fleet.dispatch.publisher import Publisher
from fleet.jobs.table import JOBS, Tools
from fleet.recovery import pg_tools, settings_kept
from fleet.recovery.archive import Backup, Manifest, Member, backups, read_manifest
from fleet.recovery.backup import Taken, is_due, take_backup
from fleet.recovery.drill import run_drill
from fleet.recovery.errors import RecoveryError
from fleet.recovery.restore import How, restore
from fleet.recovery.workspace import workspace
from fleet.store.checksums import TableSum, table_sums
from fleet.store.database import db, snapshot
from fleet.store.migrate import MIGRATIONS, is_current, upgrade
from fleet.store.models import AuditEntry
from fleet.store.queries.audit_chain import verify
from tests.support.hospital import NOON, build_hospital, inside, reading, say, telemetry
from tests.support.postgres import cluster_folder, initdb, serving
from tests.support.signs import sign
from tests.support.which_database import on_postgresql, on_sqlite

LATER = NOON + timedelta(hours=1)
CHANGED_BY_RESTORE = {
    "alembic_version", "alert", "api_token", "assignment", "audit_chain", "audit_entry",
    "configuration", "device", "login_session", "outbox_message", "service_heartbeat",
    "setup_link", "sign_in_failure", "transition", "ward",
}  # fmt: skip


@pytest.fixture
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        for seq in range(1, 21):
            say("telemetry", telemetry(reading(seq)))
        yield


@pytest.fixture
def elsewhere(other_database_url: str, tmp_path: Path) -> Settings:
    """Another machine: an empty database, a data directory that is not there yet."""
    return Settings.from_env(
        {"FLEET_DATABASE_URL": other_database_url, "FLEET_DATA_DIR": str(tmp_path / "elsewhere")}
    )


def backed_up(settings: Settings, now: datetime = NOON, keep: int = 14) -> Taken:
    return take_backup(settings, settings.backup_dir, keep, "test", now)


def sums(settings: Settings) -> dict[str, TableSum]:
    engine = create_engine(settings.database_url)
    with snapshot(engine) as connection:
        found = table_sums(connection)
    engine.dispose()
    return found


def how(force: bool = False) -> How:
    return How("test", LATER, force)


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


def tampered(taken: Taken, tmp_path: Path, named: dict[str, bytes]) -> Path:
    """The same archive, with these members replaced (or added)."""
    path = tmp_path / "tampered.tar"
    folder = tmp_path / "members"
    with tarfile.open(taken.path) as tar:
        names = tar.getnames()
        tar.extractall(folder, filter="data")
    with tarfile.open(path, "w") as tar:
        for name in dict.fromkeys([*names, *named]):
            if name in named:
                (folder / "new").write_bytes(named[name])
                tar.add(folder / "new", name)
            else:
                tar.add(folder / name, name)
    return path


@on_sqlite
def test_a_damaged_backup_changes_nothing_and_is_told(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    whole = taken.path.read_bytes()
    broken = tmp_path / "broken.tar"

    def refusal(path: Path) -> str:
        with pytest.raises(RecoveryError) as error:
            restore(elsewhere, path, how())
        assert not (elsewhere.data_dir / "secret_key").exists()
        assert not Path(elsewhere.database_url.removeprefix("sqlite:///")).exists()
        return str(error.value)

    with tarfile.open(taken.path) as tar:
        at = tar.getmember("database.sqlite.gz").offset_data + 1_000
    broken.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    assert "database.sqlite.gz: damaged, it does not match its checksum" in refusal(broken)
    broken.write_bytes(whole[: len(whole) // 2])
    assert "broken.tar" in refusal(broken)
    broken.write_bytes(b"no tar at all")
    assert "cannot be read as a backup" in refusal(broken)
    assert "settings.json: damaged" in refusal(tampered(taken, tmp_path, {"settings.json": b"x"}))
    stranger = tampered(taken, tmp_path, {"files/authorized_keys": b"ssh-ed25519"})
    assert "files/authorized_keys: is not in the manifest" in refusal(stranger)


@on_sqlite
def test_a_backup_writes_nothing_outside_of_where_it_belongs(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    manifest = read_manifest(taken.path)
    manifest.members["../../outside"] = Member(1, hashlib.sha256(b"x").hexdigest())
    changed = {"manifest.json": msgspec.json.encode(manifest), "../../outside": b"x"}
    with pytest.raises(RecoveryError, match="outside: is not in the manifest"):
        restore(elsewhere, tampered(taken, tmp_path, changed), how())
    assert not list(tmp_path.rglob("outside"))


def with_manifest(taken: Taken, tmp_path: Path, manifest: Manifest) -> Path:
    return tampered(taken, tmp_path, {"manifest.json": msgspec.json.encode(manifest)})


@on_sqlite
def test_what_differs_from_the_manifest_is_named(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    manifest = read_manifest(taken.path)
    tables = manifest.facts.tables
    tables["reading"] = TableSum(21, tables["reading"].checksum)
    tables["zone"] = TableSum(tables["zone"].rows, "0" * 64)
    tables["ghost"] = TableSum(1, "0" * 64)
    path = with_manifest(taken, tmp_path, manifest)
    with pytest.raises(RecoveryError) as error:
        restore(elsewhere, path, how())
    assert str(error.value) == (
        "table ghost: missing; table reading: 21 rows expected, 20 found; "
        "table zone: the same number of rows, with other content"
    )


@on_sqlite
def test_a_backup_of_a_later_version_is_refused(
    hospital: None, settings: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    taken = backed_up(settings)
    manifest = read_manifest(taken.path)
    later = msgspec.structs.replace(
        manifest, version="9.0", facts=replace(manifest.facts, schema="9999")
    )
    with pytest.raises(RecoveryError, match=r"schema 9999 is not known here.*Wardfleet 9\.0"):
        restore(elsewhere, with_manifest(taken, tmp_path, later), how())
    other = msgspec.structs.replace(manifest, version="9.0", format=2)
    with pytest.raises(RecoveryError, match="format 2, of Wardfleet 9"):
        read_manifest(with_manifest(taken, tmp_path, other))


@on_sqlite
def test_a_backup_of_the_other_database_is_refused(
    hospital: None, settings: Settings, elsewhere: Settings
) -> None:
    taken = backed_up(settings)
    other = replace(elsewhere, database_url="postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(RecoveryError, match="a backup of sqlite; this database is postgresql"):
        restore(other, taken.path, how())


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


@on_postgresql
def test_a_missing_pg_dump_is_named_with_what_to_install(
    hospital: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(pg_tools, "_DEBIAN", tmp_path)
    with pytest.raises(RecoveryError, match=r"apt install postgresql-client-\d+"):
        backed_up(settings)
    assert backups(settings.backup_dir) == []


@on_sqlite
def test_a_folder_that_cannot_be_written_is_named(hospital: None, settings: Settings) -> None:
    settings.data_dir.joinpath("a file").write_text("")
    with pytest.raises(RecoveryError, match="a file/backups: Not a directory"):
        take_backup(settings, settings.data_dir / "a file" / "backups", 1, "test", NOON)


# --- What goes in, and when -----------------------------------------------------------------


def test_keys_and_certificates_are_kept_and_nothing_of_the_moment(tmp_path: Path) -> None:
    kept = ["broker/acl", "certs/ca.pem", "secret_key"]
    passed_over = [
        ".lock", "wardfleet.sqlite", "wardfleet.sqlite-wal", "broker/mosquitto.db", "web.log",
        "simulated/cart-001.sqlite", "agent/cart-017.sqlite", "backups/x.tar",
        ".wardfleet.sqlite-litestream/ltx/0/1.ltx",
    ]  # fmt: skip
    for name in kept + passed_over:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    found = files_to_keep(tmp_path, tmp_path / "wardfleet.sqlite", tmp_path / "backups")
    assert [str(path) for path in found] == kept


def test_settings_are_kept_without_their_passwords() -> None:
    environ = {
        "FLEET_DATABASE_URL": "postgresql://fleet:hunter2@db/fleet?password=hunter2",
        "FLEET_MQTT_URL": "mqtt://me:hunter2@broker:1883",
        "FLEET_SMTP_PASSWORD": "hunter2",
        "FLEET_HTTP_PORT": "8080",
        "HOME": "/root",
    }
    shown = settings_kept.shown(environ)
    assert "hunter2" not in json.dumps(shown)
    assert shown["FLEET_DATABASE_URL"] == "postgresql://fleet:***@db/fleet?***"
    assert shown["FLEET_MQTT_URL"] == "mqtt://me:***@broker:1883"
    assert shown["FLEET_HTTP_PORT"] == "8080"
    assert "HOME" not in shown


def test_the_nightly_backup_is_due_once_a_night(tmp_path: Path) -> None:
    settings = Settings.from_env({"FLEET_DATA_DIR": str(tmp_path), "FLEET_BACKUP_AT": "03:15"})
    assert settings.backup_at == time(3, 15)
    settings.backup_dir.mkdir()

    def there_is_one_of(moment: datetime) -> None:
        name = f"wardfleet-{moment:%Y%m%dT%H%M%S.%f}Z.tar"
        (settings.backup_dir / name).touch()

    at = datetime(2026, 11, 24, 3, 15, tzinfo=UTC)
    assert is_due(settings, at - timedelta(hours=1))  # there is none at all
    there_is_one_of(at - timedelta(hours=20))
    assert not is_due(settings, at - timedelta(minutes=1))
    assert is_due(settings, at)
    there_is_one_of(at + timedelta(minutes=4))
    assert not is_due(settings, at + timedelta(hours=23))
    assert is_due(settings, at + timedelta(hours=24))
    assert not is_due(replace(settings, backup_at=None), at + timedelta(hours=24))


@on_sqlite
def test_the_nightly_job_takes_one_backup_a_night(hospital: None, settings: Settings) -> None:
    nightly = replace(settings, backup_at=time(3, 15))
    [job] = [job for job in JOBS if job.name == "nightly_backup"]
    tools = Tools(nightly, Publisher(nightly.mqtt_url, "test"))
    for minutes in (0, 10, 20):
        job.run(tools, NOON + timedelta(minutes=minutes))
    assert [backup.taken_at for backup in backups(settings.backup_dir)] == [NOON]
    job.run(tools, NOON + timedelta(days=1))
    assert len(backups(settings.backup_dir)) == 2


def test_what_a_killed_process_left_is_removed_and_what_is_under_way_is_not(
    tmp_path: Path,
) -> None:
    with workspace(tmp_path) as mine:
        abandoned = tmp_path / ".recovery-abandoned"
        abandoned.mkdir()
        (abandoned / "database.sqlite").touch()
        with workspace(tmp_path) as other:
            assert mine.exists()
            assert not abandoned.exists()
            assert stat.S_IMODE(other.stat().st_mode) == 0o700
        assert not other.exists()
    assert not mine.exists()
