"""The environment, read once into one frozen Settings."""

import os
import re
import secrets
import socket
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fleet.domain.retention import CLASSES, Ages

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder: profiles, migrations and `wsgi.py` are in it."""
DEFAULT_HTTP_PORT = 8080
DEFAULT_MQTT_PORT = 18830
"""Not 1883: a broker that the distribution has started stays undisturbed."""
_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class LogFormat(StrEnum):
    """AUTO: text on a terminal, JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


LOG_LEVELS = ("debug", "info", "warning", "error")


class SettingError(ValueError):
    """A setting that cannot be used; the message names it and what would be right."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides.

    `mqtt_url` is where the broker is; `own_broker` says whether `fleet up` starts it. `instance`
    names processes where host name and process id do not tell them apart.
    """

    http_host: str
    http_port: int
    mqtt_port: int
    mqtt_url: str
    own_broker: bool
    data_dir: Path
    database_url: str
    retention: Ages
    backup_dir: Path
    backup_at: time | None
    """When each night, in UTC; None: only when somebody says `fleet backup`."""
    backup_keep: int
    litestream_url: str | None
    instance: str | None
    log_format: LogFormat
    log_level: str | None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingError, naming the variable, for a value that cannot be used."""
        data_dir = Path(environ.get("FLEET_DATA_DIR") or "data").absolute()
        http_port = _port(environ, "FLEET_HTTP_PORT", DEFAULT_HTTP_PORT)
        mqtt_port = _port(environ, "FLEET_MQTT_PORT", DEFAULT_MQTT_PORT)
        mqtt_url = _mqtt_url(environ)
        database_url = _database_url(environ, data_dir)
        if mqtt_url is None and http_port == mqtt_port:
            raise SettingError(f"FLEET_HTTP_PORT={http_port}: must differ from FLEET_MQTT_PORT")
        return cls(
            http_host=_http_host(environ),
            http_port=http_port,
            mqtt_port=mqtt_port,
            mqtt_url=mqtt_url or f"mqtt://127.0.0.1:{mqtt_port}",
            own_broker=mqtt_url is None,
            data_dir=data_dir,
            database_url=database_url,
            retention={
                c.kept: timedelta(days=_whole(environ, c.setting, c.days, c.at_least, c.at_most))
                for c in CLASSES
            },
            backup_dir=Path(environ.get("FLEET_BACKUP_DIR") or data_dir / "backups").absolute(),
            backup_at=_time(environ, "FLEET_BACKUP_AT"),
            backup_keep=_whole(environ, "FLEET_BACKUP_KEEP", 14, 1, 10_000),
            litestream_url=_litestream_url(environ, database_url),
            instance=_instance(environ),
            log_format=LogFormat(_one_of(environ, "FLEET_LOG", tuple(LogFormat)) or LogFormat.AUTO),
            log_level=_one_of(environ, "FLEET_LOG_LEVEL", LOG_LEVELS),
        )

    def instance_name(self, process: str) -> str:
        """What tells this process from all others of its kind, on every machine."""
        if self.instance and process != "web":  # of which one machine has several
            return self.instance
        return f"{self.instance or socket.gethostname()[:64]}-{os.getpid()}"

    def folders(self) -> tuple[Path, ...]:
        """Where this process, or its SQLite, writes."""
        database = make_url(self.database_url)
        if database.get_backend_name() != "sqlite" or not database.database:
            return (self.data_dir,)
        return tuple(dict.fromkeys((self.data_dir, Path(database.database).parent)))

    def make_data_dir(self) -> None:
        """Raises SettingError where the data directory cannot be written."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.data_dir):
                pass
        except OSError as error:
            raise SettingError(
                f"FLEET_DATA_DIR={self.data_dir}: cannot be written ({error.strerror}); "
                "name a directory that this user may write to"
            ) from error

    def secret_key(self) -> str:
        """The key that signs cookies: made on the first start, readable by this user alone."""
        self.make_data_dir()
        path = self.data_dir / "secret_key"
        if not path.exists():
            _make_key(path)
        return _existing_key(path)


def _make_key(path: Path) -> None:
    """It appears whole or not at all: several processes may be on their first start."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
    with suppress(FileExistsError):
        os.link(draft, path)
    Path(draft).unlink()


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


def _time(environ: Mapping[str, str], name: str) -> time | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or len(text) != 5:
        raise SettingError(f"{name}={text}: must be a time of day in UTC, like 03:15")
    return found


def _litestream_url(environ: Mapping[str, str], database_url: str) -> str | None:
    text = environ.get("FLEET_LITESTREAM_URL")
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    if not (scheme and separator and rest.strip("/")) or not text.isprintable() or " " in text:
        raise SettingError(
            f"FLEET_LITESTREAM_URL={_shown(text)}: must look like file:///path/to/a/folder "
            "or s3://bucket/path"
        )
    if not database_url.startswith("sqlite"):
        raise SettingError(
            "FLEET_LITESTREAM_URL: must not be set with PostgreSQL, which has its own "
            "replication: see docs/recovery.md"
        )
    return text


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


def _one_of(environ: Mapping[str, str], name: str, words: Sequence[str]) -> str | None:
    text = environ.get(name)
    if text and text not in words:
        raise SettingError(f"{name}={text}: must be one of {', '.join(words)}")
    return text or None


def _instance(environ: Mapping[str, str]) -> str | None:
    text = environ.get("FLEET_INSTANCE")
    if text and not _INSTANCE.fullmatch(text):
        raise SettingError(
            f"FLEET_INSTANCE={text}: must be 1 to 63 letters, digits, dots, hyphens or underscores"
        )
    return text or None


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
