"""What goes into a backup, when one is due, and what of a cut off one is left."""

import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from fleet.config import Settings
from fleet.data_dir import files_to_keep
from fleet.recovery import settings_kept
from fleet.recovery.backup import is_due
from fleet.recovery.workspace import workspace


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
