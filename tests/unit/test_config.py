import stat
from pathlib import Path

import pytest

from fleet.config import SettingError, Settings


def test_without_any_setting_everything_has_a_default() -> None:
    settings = Settings.from_env({})
    assert settings.http_port == 8080
    assert settings.own_broker
    assert settings.mqtt_url == f"mqtt://127.0.0.1:{settings.mqtt_port}"
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
        ("FLEET_MQTT_URL", "broker:1883"),
        ("FLEET_MQTT_URL", "mqtt://broker:port"),
        ("FLEET_DATABASE_URL", "mysql://db/wardfleet"),
        ("FLEET_DATABASE_URL", "sqlite://relative.sqlite"),
        ("FLEET_RETENTION_DAYS", "0"),
    ],
)
def test_a_bad_value_is_named_in_one_clear_line(name: str, value: str) -> None:
    with pytest.raises(SettingError) as error:
        Settings.from_env({name: value})
    assert str(error.value).startswith(f"{name}=")
    assert "must" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_password_in_a_bad_database_url_is_not_repeated() -> None:
    with pytest.raises(SettingError) as error:
        Settings.from_env({"FLEET_DATABASE_URL": "mysql://me:hunter2@db/wardfleet"})
    assert "hunter2" not in str(error.value)


def test_plain_postgresql_urls_get_the_driver_that_is_installed() -> None:
    settings = Settings.from_env({"FLEET_DATABASE_URL": "postgres://me@db/wardfleet"})
    assert settings.database_url == "postgresql+psycopg://me@db/wardfleet"


def test_the_key_is_made_once_and_readable_by_its_user_alone(tmp_path: Path) -> None:
    settings = Settings.from_env({"FLEET_DATA_DIR": str(tmp_path / "data")})
    key = settings.secret_key()
    assert len(key) == 64
    assert settings.secret_key() == key
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_a_weak_key_refuses_to_start(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("changeme")
    with pytest.raises(SettingError, match="too short"):
        Settings.from_env({"FLEET_DATA_DIR": str(tmp_path)}).secret_key()
