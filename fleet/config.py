"""The environment, read once into one frozen Settings."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fleet.domain.retention import CLASSES, Ages

DEFAULT_HTTP_PORT = 8080
DEFAULT_MQTT_PORT = 18830
"""Not 1883: a broker that the distribution has started stays undisturbed."""
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


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
    retention: Ages

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingError, naming the variable, for a value that cannot be used."""
        data_dir = Path(environ.get("FLEET_DATA_DIR") or "data").absolute()
        http_port = _port(environ, "FLEET_HTTP_PORT", DEFAULT_HTTP_PORT)
        mqtt_port = _port(environ, "FLEET_MQTT_PORT", DEFAULT_MQTT_PORT)
        mqtt_url = _mqtt_url(environ)
        if mqtt_url is None and http_port == mqtt_port:
            raise SettingError(f"FLEET_HTTP_PORT={http_port}: must differ from FLEET_MQTT_PORT")
        return cls(
            http_host=_http_host(environ),
            http_port=http_port,
            mqtt_port=mqtt_port,
            mqtt_url=mqtt_url or f"mqtt://127.0.0.1:{mqtt_port}",
            own_broker=mqtt_url is None,
            data_dir=data_dir,
            database_url=_database_url(environ, data_dir),
            retention={
                c.kept: timedelta(_whole(environ, c.setting, c.days, c.at_least, c.at_most))
                for c in CLASSES
            },
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


def _http_host(environ: Mapping[str, str]) -> str:
    text = environ.get("FLEET_HTTP_HOST") or "127.0.0.1"
    if not _is_host(text):
        raise SettingError(
            f"FLEET_HTTP_HOST={text}: must be an address or a name of this machine, "
            "like 0.0.0.0, [::] or localhost"
        )
    return text


def _is_host(text: str) -> bool:
    """An IPv6 address stands in brackets, as everywhere before a port."""
    in_brackets = text[:1] + text[-1:] == "[]"
    try:
        return in_brackets == (ip_address(text.strip("[]")).version == 6)
    except ValueError:
        return not text.replace(".", "").isdigit() and _HOST_NAME.fullmatch(text) is not None


def _mqtt_url(environ: Mapping[str, str]) -> str | None:
    text = environ.get("FLEET_MQTT_URL")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme == "mqtt" and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        is_fine = False
    if not is_fine or not text.isprintable() or " " in text:
        raise SettingError(f"FLEET_MQTT_URL={_shown(text)}: must look like mqtt://host:1883")
    return text


def _database_url(environ: Mapping[str, str], data_dir: Path) -> str:
    text = environ.get("FLEET_DATABASE_URL")
    if not text:
        # A path may hold what means something in a URL.
        path = str(data_dir / "wardfleet.sqlite")
        return URL.create("sqlite", database=path).render_as_string()
    scheme, _, rest = text.partition("://")
    if scheme in ("postgresql", "postgres", "postgresql+psycopg") and _names_a_database(text):
        return f"postgresql+psycopg://{rest}"
    if scheme == "sqlite" and rest.startswith("/"):
        return text
    raise SettingError(
        f"FLEET_DATABASE_URL={_shown(text)}: must look like "
        "postgresql://user:password@host/database or sqlite:////absolute/path.sqlite"
    )


def _names_a_database(text: str) -> bool:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return False
    return bool(url.database) and (url.port is None or 0 < url.port < 65_536)


def _shown(url: str) -> str:
    """As it stands, unless a password may stand in it."""
    if "@" not in url and "?" not in url:
        return url
    scheme, separator, _ = url.partition("://")
    return f"{scheme}://..." if separator else "..."
