import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from fleet import create_worker
from fleet.config import SettingError, Settings
from fleet.domain.retention import CLASSES, Kept
from fleet.store.database import db
from fleet.store.migrate import is_current, upgrade


def test_without_any_setting_everything_has_a_default() -> None:
    settings = Settings.from_env({})
    assert settings.http_port == 8080
    assert settings.own_broker
    assert settings.mqtt_url == f"mqtts://127.0.0.1:{settings.mqtt_port}"
    assert settings.database_url == f"sqlite:///{Path('data').absolute()}/wardfleet.sqlite"


def test_a_broker_of_ones_own_is_not_started() -> None:
    settings = Settings.from_env({"FLEET_MQTT_URL": "mqtt://user:secret@broker:1883"})
    assert not settings.own_broker
    assert settings.mqtt_url == "mqtt://user:secret@broker:1883"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLEET_HTTP_PORT", "http"),
        ("FLEET_HTTP_PORT", "0"),
        ("FLEET_HTTP_PORT", "65536"),
        ("FLEET_HTTP_PORT", "٨٠٨٠"),
        ("FLEET_MQTT_PORT", "-1"),
        ("FLEET_LOG", "xml"),
        ("FLEET_LOG_LEVEL", "loud"),
        ("FLEET_INSTANCE", "ingest a"),
        ("FLEET_INSTANCE", "a" * 64),
        ("FLEET_MQTT_URL", "broker:1883"),
        ("FLEET_MQTT_URL", "mqtt://broker:port"),
        ("FLEET_MQTT_URL", "mqtt://[::1"),
        ("FLEET_MQTT_URL", "mqtt://broker:0"),
        ("FLEET_MQTT_URL", "mqtt://bro ker"),
        ("FLEET_DEVICE_HOST", "1.2.3"),
        ("FLEET_EST_PORT", "0"),
        ("FLEET_HOST_NAMES", "fleet.example, not a host"),
        ("FLEET_CA_CERT", "/none/ca.crt"),
        ("FLEET_MQTT_CA", "/none/ca.crt"),
        ("FLEET_CRL_URL", "https://pki.example/crl.pem"),
        ("FLEET_CRL_URL", "http://pki.example"),
        ("FLEET_CRL_URL", "http://not a host/crl.pem"),
        ("FLEET_HTTP_HOST", "999.1.1.1"),
        ("FLEET_HTTP_HOST", "1.2.3"),
        ("FLEET_HTTP_HOST", "::1"),
        ("FLEET_HTTP_HOST", "[::1"),
        ("FLEET_HTTP_HOST", "http://127.0.0.1"),
        ("FLEET_HTTP_HOST", "not a host"),
        ("FLEET_HTTP_HOST", "-x-"),
        ("FLEET_DATABASE_URL", "mysql://db/wardfleet"),
        ("FLEET_DATABASE_URL", "sqlite://relative.sqlite"),
        ("FLEET_DATABASE_URL", "postgresql://host:abc/x"),
        ("FLEET_DATABASE_URL", "postgresql://host:99999/x"),
        ("FLEET_DATABASE_URL", "postgresql://[::1/x"),
        ("FLEET_DATABASE_URL", "postgresql://host"),
        ("FLEET_RETENTION_DAYS", "0"),
        ("FLEET_RETENTION_DAYS", "401"),
        ("FLEET_RETENTION_HOURLY_DAYS", "two years"),
        ("FLEET_RETENTION_AUDIT_DAYS", "364"),
        ("FLEET_BACKUP_AT", "25:00"),
        ("FLEET_BACKUP_AT", "03:15:30"),
        ("FLEET_BACKUP_AT", "night"),
        ("FLEET_BACKUP_KEEP", "0"),
        ("FLEET_LITESTREAM_URL", "/mnt/replica"),
        ("FLEET_LITESTREAM_URL", "s3://"),
        ("FLEET_LITESTREAM_URL", "file:///mnt/my replica"),
    ],
)
def test_a_bad_value_is_named_in_one_clear_line(name: str, value: str) -> None:
    with pytest.raises(SettingError) as error:
        Settings.from_env({name: value})
    assert str(error.value).startswith(f"{name}=")
    assert "must" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLEET_DATABASE_URL", "mysql://me:hunter2@db/wardfleet"),
        ("FLEET_DATABASE_URL", "postgresql://me:hunter2@db:abc/wardfleet"),
        ("FLEET_DATABASE_URL", "postgresql://me:hunt/er2@db:abc/wardfleet"),
        ("FLEET_DATABASE_URL", "mysql://db/wardfleet?password=hunter2"),
        ("FLEET_DATABASE_URL", "postgresql://me:hunt?er2@db:abc/wardfleet"),
        ("FLEET_DATABASE_URL", "me:hunter2@db/wardfleet"),
        ("FLEET_MQTT_URL", "http://me:hunter2@broker"),
        ("FLEET_MQTT_URL", "mqtt://me:hunter2@[broker"),
        ("FLEET_LITESTREAM_URL", "sftp://me:hunter2@host/a b"),
    ],
)
def test_a_password_in_a_bad_url_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingError) as error:
        Settings.from_env({name: value})
    assert str(error.value).startswith(f"{name}=")
    assert "er2" not in str(error.value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("FLEET_CA_CERT", "FLEET_CA_KEY"),
        ("FLEET_CA_KEY", "FLEET_CA_CERT"),
        ("FLEET_MQTT_KEY", "FLEET_MQTT_CERT"),
        ("FLEET_HTTP_CERT", "FLEET_HTTP_KEY"),
    ],
)
def test_a_certificate_and_its_key_come_together(tmp_path: Path, one: str, other: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=f"^{one}: must come with {other}$"):
        Settings.from_env({one: str(tmp_path / "file")})


def test_what_only_this_machine_reaches_is_served_without_tls_and_all_else_with() -> None:
    assert Settings.from_env({}).http_tls() is None
    assert Settings.from_env({"FLEET_HTTP_HOST": "[::1]"}).http_tls() is None
    for host in ("0.0.0.0", "[::]", "10.1.2.3", "fleet.hospital.example"):
        assert Settings.from_env({"FLEET_HTTP_HOST": host}).http_tls() is not None


def test_a_broker_without_tls_needs_no_certificate_and_a_missing_one_is_named() -> None:
    plain = Settings.from_env({"FLEET_MQTT_URL": "mqtt://127.0.0.1"})
    assert plain.mqtt_tls("ingest") is None
    with pytest.raises(SettingError, match=r"ca\.crt: not there"):
        Settings.from_env({"FLEET_MQTT_URL": "mqtts://broker"}).mqtt_tls("ingest")


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "10.1.2.3", "[::]", "[::1]", "localhost", "fleet-1.ward"]
)
def test_an_address_or_a_name_can_be_listened_on(host: str) -> None:
    assert Settings.from_env({"FLEET_HTTP_HOST": host}).http_host == host


def test_each_class_is_kept_as_long_as_its_setting_says_and_the_others_as_they_were() -> None:
    usual = Settings.from_env({}).retention
    assert usual[Kept.READINGS] == timedelta(days=90)
    for each in CLASSES:
        changed = Settings.from_env({each.setting: "400"}).retention
        assert changed == {**usual, each.kept: timedelta(days=400)}


def test_litestream_is_for_sqlite() -> None:
    replica = {"FLEET_LITESTREAM_URL": "file:///mnt/replica"}
    assert Settings.from_env(replica).litestream_url == "file:///mnt/replica"
    with pytest.raises(SettingError, match=r"must not be set with PostgreSQL.*docs/recovery\.md"):
        Settings.from_env({**replica, "FLEET_DATABASE_URL": "postgresql://db/wardfleet"})


def test_web_and_broker_cannot_share_a_port() -> None:
    same = {"FLEET_HTTP_PORT": "9000", "FLEET_MQTT_PORT": "9000"}
    with pytest.raises(SettingError, match=r"^FLEET_HTTP_PORT=9000: must differ"):
        Settings.from_env(same)
    assert Settings.from_env({**same, "FLEET_MQTT_URL": "mqtt://broker"}).http_port == 9000
    for other in ("FLEET_HTTP_PORT", "FLEET_MQTT_PORT"):
        with pytest.raises(SettingError, match=r"^FLEET_EST_PORT=9000: must differ"):
            Settings.from_env({other: "9000", "FLEET_EST_PORT": "9000"})


@pytest.mark.parametrize("folder", ["what?", "100%", "a%20b", "a b#c", "a@b:c", "caf\u00e9"])
def test_a_data_directory_may_have_any_name(tmp_path: Path, folder: str) -> None:
    data = tmp_path / folder
    settings = Settings.from_env({"FLEET_DATA_DIR": str(data)})
    settings.make_data_dir()
    upgrade(settings.database_url)
    assert [path.name for path in data.glob("*.sqlite")] == ["wardfleet.sqlite"]
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    with create_worker(settings).app_context():
        assert is_current(db.engine)
        db.engine.dispose()


def test_plain_postgresql_urls_get_the_driver_that_is_installed() -> None:
    settings = Settings.from_env({"FLEET_DATABASE_URL": "postgres://me@db/wardfleet"})
    assert settings.database_url == "postgresql+psycopg://me@db/wardfleet"


def test_the_key_is_made_once_and_readable_by_its_user_alone(tmp_path: Path) -> None:
    settings = Settings.from_env({"FLEET_DATA_DIR": str(tmp_path / "data")})
    key = settings.secret_key()
    assert len(key) == 64
    assert settings.secret_key() == key
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_processes_on_their_first_start_together_have_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from fleet.config import Settings;"
        "sys.stdin.read(); print(Settings.from_env({'FLEET_DATA_DIR': sys.argv[1]}).secret_key())"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(8)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()  # they have waited for this with everything imported
        process.stdin = None
    assert len({process.communicate()[0] for process in started}) == 1
    assert [process.returncode for process in started] == [0] * 8
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def test_a_weak_key_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("changeme")
    with pytest.raises(SettingError, match="too weak"):
        Settings.from_env({"FLEET_DATA_DIR": str(tmp_path)}).secret_key()
