"""The environment, read once into one frozen Settings."""

import os
import secrets
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from pathlib import Path

from sqlalchemy import make_url

from fleet import environment as read
from fleet import sign_in_settings, webhook_settings
from fleet.domain.retention import CLASSES, Ages
from fleet.domain.webhooks.addresses import Allowed
from fleet.environment import SettingError as SettingError
from fleet.pki.folder import Folder
from fleet.sign_in_settings import SignInSettings
from fleet.wire.tls import TlsFiles

ROOT = Path(__file__).resolve().parents[1]
"""The project's folder: profiles, migrations and `wsgi.py` are in it."""
DEFAULT_HTTP_PORT = 8080
DEFAULT_MQTT_PORT = 18830
"""Not 1883: a broker that the distribution has started stays undisturbed."""
DEFAULT_EST_PORT = 8443


class LogFormat(StrEnum):
    """AUTO: text on a terminal, JSON elsewhere."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides.

    `mqtt_url` is where the broker is; `own_broker` says whether `fleet up` starts it. `instance`
    names processes where host name and process id do not tell them apart.
    """

    http_host: str
    http_port: int
    http_pair: tuple[Path, Path] | None
    """Certificate and key of one's own for the pages."""
    public_address: str | None
    """The origin under which people reach the pages; None: nobody has said so."""
    device_host: str
    """Where devices reach this machine: the broker and the enrolment server listen there."""
    host_names: tuple[str, ...]
    """By which they call it, besides its own."""
    est_port: int
    mqtt_port: int
    mqtt_url: str
    mqtt_files: TlsFiles | None
    """For a broker of one's own; None: those of the installation's own authority."""
    own_broker: bool
    own_ca: tuple[Path, Path] | None
    """Certificate and key of a certificate authority of one's own."""
    crl_url: str | None
    """Where its revocation list will be served, for a broker that fetches it (EMQX)."""
    data_dir: Path
    database_url: str
    retention: Ages
    backup_dir: Path
    backup_at: time | None
    """When each night, in UTC; None: only when somebody says `fleet backup`."""
    backup_keep: int
    litestream_url: str | None
    kiosk_idle: timedelta
    """After so long without a touch whoever stands before a ward's screen is signed off."""
    instance: str | None
    log_format: LogFormat
    log_level: str | None
    sign_in: SignInSettings
    webhook_hosts: Allowed
    """Private hosts to which webhooks may lead."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Raises SettingError, naming the variable, for a value that cannot be used."""
        data_dir = Path(environ.get("FLEET_DATA_DIR") or "data").absolute()
        http_port = read.port(environ, "FLEET_HTTP_PORT", DEFAULT_HTTP_PORT)
        mqtt_port = read.port(environ, "FLEET_MQTT_PORT", DEFAULT_MQTT_PORT)
        mqtt_url = read.mqtt_url(environ)
        est_port = read.port(environ, "FLEET_EST_PORT", DEFAULT_EST_PORT)
        if est_port == http_port or (mqtt_url is None and est_port == mqtt_port):
            raise SettingError(f"FLEET_EST_PORT={est_port}: must differ from the other ports")
        device_host = read.host(environ, "FLEET_DEVICE_HOST")
        database_url = read.database_url(environ, data_dir)
        if mqtt_url is None and http_port == mqtt_port:
            raise SettingError(f"FLEET_HTTP_PORT={http_port}: must differ from FLEET_MQTT_PORT")
        http_host = read.host(environ, "FLEET_HTTP_HOST")
        http_pair = read.file_pair(environ, "FLEET_HTTP_CERT", "FLEET_HTTP_KEY")
        here = f"{'https' if http_pair else 'http'}://localhost:{http_port}"
        return cls(
            http_host=http_host,
            http_port=http_port,
            http_pair=http_pair,
            public_address=sign_in_settings.public_address(
                environ, here if read.is_loopback(http_host) else None
            ),
            device_host=device_host,
            host_names=read.host_names(environ, "FLEET_HOST_NAMES"),
            est_port=est_port,
            mqtt_port=mqtt_port,
            mqtt_url=mqtt_url or f"mqtts://{read.reached(device_host)}:{mqtt_port}",
            mqtt_files=read.mqtt_files(environ),
            own_broker=mqtt_url is None,
            own_ca=read.file_pair(environ, "FLEET_CA_CERT", "FLEET_CA_KEY"),
            crl_url=read.crl_url(environ),
            data_dir=data_dir,
            database_url=database_url,
            retention={
                c.kept: timedelta(
                    days=read.whole(environ, c.setting, c.days, c.at_least, c.at_most)
                )
                for c in CLASSES
            },
            backup_dir=Path(environ.get("FLEET_BACKUP_DIR") or data_dir / "backups").absolute(),
            backup_at=read.time_of_day(environ, "FLEET_BACKUP_AT"),
            backup_keep=read.whole(environ, "FLEET_BACKUP_KEEP", 14, 1, 10_000),
            litestream_url=read.litestream_url(environ, database_url),
            kiosk_idle=timedelta(seconds=read.whole(environ, "FLEET_KIOSK_IDLE_S", 60, 10, 3_600)),
            instance=read.instance(environ),
            log_format=LogFormat(
                read.one_of(environ, "FLEET_LOG", tuple(LogFormat)) or LogFormat.AUTO
            ),
            log_level=read.one_of(environ, "FLEET_LOG_LEVEL", LOG_LEVELS),
            sign_in=sign_in_settings.from_env(environ),
            webhook_hosts=webhook_settings.from_env(environ),
        )

    def instance_name(self, process: str) -> str:
        """What tells this process from all others of its kind, on every machine."""
        if self.instance and process != "web":  # of which one machine has several
            return self.instance
        return f"{self.instance or socket.gethostname()[:64]}-{os.getpid()}"

    @property
    def pki(self) -> Folder:
        """The certificate authority, and what it has signed for the service."""
        return Folder(self.data_dir / "pki", self.own_ca, self.crl_url)

    def server_names(self) -> list[str]:
        """Every name and address that a device may know this machine by."""
        names = ["localhost", "127.0.0.1", "::1", socket.gethostname(), *self.host_names]
        names.append(read.reached(self.device_host).strip("[]"))
        return [name for name in dict.fromkeys(names) if read.is_host(name)]

    @property
    def est_url(self) -> str:
        """Where devices enrol: by the name that they are told to use."""
        host = self.host_names[0] if self.host_names else read.reached(self.device_host)
        return f"https://{f'[{host}]' if ':' in host.strip('[]') else host}:{self.est_port}"

    @property
    def pages_url(self) -> str:
        """Where this machine itself reaches the pages."""
        scheme = "https" if self.http_tls() else "http"
        return f"{scheme}://{read.reached(self.http_host)}:{self.http_port}"

    def http_tls(self) -> TlsFiles | None:
        """What the pages are served with; None: in plain text, to this machine alone."""
        if self.http_pair is not None:
            return TlsFiles(self.pki.ca, *self.http_pair)
        return None if read.is_loopback(self.http_host) else self.pki.files("server")

    def mqtt_tls(self, service: str) -> TlsFiles | None:
        """What this part of the service shows the broker; None where that speaks plain text.

        Raises SettingError where a file is missing.
        """
        if not self.mqtt_url.startswith("mqtts:"):
            return None
        files = self.mqtt_files or self.pki.files(service)
        for path in (files.ca, files.cert, files.key):
            if path is not None and not path.is_file():
                raise SettingError(
                    f"{path}: not there; `fleet up` or `fleet broker config` makes it, and "
                    "FLEET_MQTT_CA, FLEET_MQTT_CERT and FLEET_MQTT_KEY name others"
                )
        return files

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
    if len(key) < 32 or len(set(key)) < 10:
        raise SettingError(f"{path}: too weak to be a key; delete it and a new one is made")
    return key
