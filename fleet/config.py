"""The environment, read once into one frozen Settings."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_HTTP_PORT = 8080
DEFAULT_MQTT_PORT = 18830
"""Not 1883: a broker that the distribution has started stays undisturbed."""


class SettingError(ValueError):
    """A setting that cannot be used; the message names it and what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides.

    `mqtt_url` is where the broker is; `own_broker` says whether `fleet up` starts it.
    """

    http_host: str
    http_port: int
    mqtt_port: int
    mqtt_url: str
    own_broker: bool
    data_dir: Path
    database_url: str
    retention_days: int

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingError, naming the variable, for a value that cannot be used."""
        data_dir = Path(environ.get("FLEET_DATA_DIR") or "data").absolute()
        mqtt_port = _port(environ, "FLEET_MQTT_PORT", DEFAULT_MQTT_PORT)
        mqtt_url = _mqtt_url(environ)
        return cls(
            http_host=environ.get("FLEET_HTTP_HOST") or "127.0.0.1",
            http_port=_port(environ, "FLEET_HTTP_PORT", DEFAULT_HTTP_PORT),
            mqtt_port=mqtt_port,
            mqtt_url=mqtt_url or f"mqtt://127.0.0.1:{mqtt_port}",
            own_broker=mqtt_url is None,
            data_dir=data_dir,
            database_url=_database_url(environ, data_dir),
            retention_days=_whole(environ, "FLEET_RETENTION_DAYS", 90, 1, 36_500),
        )

    def make_data_dir(self) -> None:
        """Raises SettingError where the data directory cannot be written."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            probe = self.data_dir / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise SettingError(
                f"FLEET_DATA_DIR={self.data_dir}: cannot be written ({error.strerror}); "
                "name a directory that this user may write to"
            ) from error

    def secret_key(self) -> str:
        """The key that signs cookies: made on the first start, readable by this user alone."""
        self.make_data_dir()
        path = self.data_dir / "secret_key"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _existing_key(path)
        with os.fdopen(descriptor, "w") as file:
            key = secrets.token_hex(32)
            file.write(key)
        return key


def _existing_key(path: Path) -> str:
    key = path.read_text().strip()
    if len(key) < 32:
        raise SettingError(f"{path}: too short to be a key; delete it and a new one is made")
    return key


def _whole(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingError(f"{name}={text}: must be a whole number from {low} to {high}")
    return int(text)


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    return _whole(environ, name, default, 1, 65_535)


def _mqtt_url(environ: Mapping[str, str]) -> str | None:
    text = environ.get("FLEET_MQTT_URL")
    if not text:
        return None
    parts = urlsplit(text)
    try:
        port_is_fine = parts.port is None or parts.port > 0
    except ValueError:
        port_is_fine = False
    if parts.scheme != "mqtt" or not parts.hostname or not port_is_fine:
        raise SettingError(f"FLEET_MQTT_URL={text}: must look like mqtt://host:1883")
    return text


def _database_url(environ: Mapping[str, str], data_dir: Path) -> str:
    text = environ.get("FLEET_DATABASE_URL")
    if not text:
        return f"sqlite:///{data_dir / 'wardfleet.sqlite'}"
    scheme, separator, rest = text.partition("://")
    if separator and scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if separator and scheme == "sqlite" and rest.startswith("/"):
        return text
    shown = urlsplit(text)._replace(netloc="...").geturl() if separator else text
    raise SettingError(
        f"FLEET_DATABASE_URL={shown}: must look like postgresql://user:password@host/database "
        "or sqlite:////absolute/path.sqlite"
    )
