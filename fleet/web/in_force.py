"""The settings that are in force, as an operator wrote them: by variable, without any secret."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import make_url

from fleet.config import Settings
from fleet.domain.retention import CLASSES

SET = "set, not shown"
NOT_SET = "not set"


class Group(NamedTuple):
    """`settings`: the variable's name, and what is in force."""

    title: str
    settings: list[tuple[str, str]]


def in_force(settings: Settings) -> list[Group]:
    """Every variable that the README names, once."""
    return [
        Group("Pages and devices", list(_addresses(settings))),
        Group("Data and backups", list(_data(settings))),
        Group("Kept for", [(c.setting, _days(settings.retention[c.kept])) for c in CLASSES]),
        Group("People", list(_people(settings))),
        Group("Logs", list(_logs(settings))),
    ]


def _addresses(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "FLEET_HTTP_HOST", settings.http_host
    yield "FLEET_HTTP_PORT", str(settings.http_port)
    yield from _pair(("FLEET_HTTP_CERT", "FLEET_HTTP_KEY"), settings.http_pair)
    yield "FLEET_DEVICE_HOST", settings.device_host
    yield "FLEET_HOST_NAMES", ", ".join(settings.host_names) or NOT_SET
    yield "FLEET_EST_PORT", str(settings.est_port)
    yield from _pair(("FLEET_CA_CERT", "FLEET_CA_KEY"), settings.own_ca)
    yield "FLEET_CRL_URL", settings.crl_url or NOT_SET
    yield "FLEET_MQTT_URL", NOT_SET if settings.own_broker else without_password(settings.mqtt_url)
    yield "FLEET_MQTT_PORT", str(settings.mqtt_port)
    allowed = settings.webhook_hosts
    hosts = [*sorted(allowed.names), *map(str, allowed.networks)]
    yield "FLEET_WEBHOOK_HOSTS", ", ".join(hosts) or NOT_SET
    files = settings.mqtt_files
    yield "FLEET_MQTT_CA", _path(files.ca if files else None)
    yield "FLEET_MQTT_CERT", _path(files.cert if files else None)
    yield "FLEET_MQTT_KEY", SET if files and files.key else NOT_SET


def _data(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "FLEET_DATA_DIR", str(settings.data_dir)
    yield "FLEET_DATABASE_URL", without_password(settings.database_url)
    yield "FLEET_BACKUP_AT", f"{settings.backup_at:%H:%M} UTC" if settings.backup_at else NOT_SET
    yield "FLEET_BACKUP_DIR", str(settings.backup_dir)
    yield "FLEET_BACKUP_KEEP", str(settings.backup_keep)
    url = settings.litestream_url
    yield "FLEET_LITESTREAM_URL", without_password(url) if url else NOT_SET
    yield "FLEET_INSTANCE", settings.instance or NOT_SET


def _people(settings: Settings) -> Iterator[tuple[str, str]]:
    sign_in = settings.sign_in
    yield "FLEET_KIOSK_IDLE_S", f"{int(settings.kiosk_idle.total_seconds())} s"
    yield "FLEET_SESSION_IDLE_MINUTES", f"{int(sign_in.idle.total_seconds() // 60)} min"
    needed = sign_in.administrators_need_a_second_factor
    yield "FLEET_ADMINISTRATORS_NEED_A_SECOND_FACTOR", "yes" if needed else "no"
    yield "FLEET_PUBLIC_ADDRESS", settings.public_address or NOT_SET
    provider = sign_in.single_sign_on
    yield "FLEET_OIDC_ISSUER", provider.issuer if provider else NOT_SET
    yield "FLEET_OIDC_CLIENT_ID", provider.client_id if provider else NOT_SET
    yield "FLEET_OIDC_CLIENT_SECRET", SET if provider else NOT_SET
    yield "FLEET_OIDC_CLAIM", provider.claim if provider else NOT_SET
    roles = [f"{m.value}={m.role}@{m.where}" for m in provider.roles] if provider else []
    yield "FLEET_OIDC_ROLES", "; ".join(roles) or NOT_SET


def _logs(settings: Settings) -> Iterator[tuple[str, str]]:
    yield "FLEET_LOG", settings.log_format
    yield "FLEET_LOG_LEVEL", settings.log_level or NOT_SET


def without_password(url: str) -> str:
    """An address with `***` where a password stands."""
    return make_url(url).render_as_string(hide_password=True)


def _pair(names: tuple[str, str], pair: tuple[Path, Path] | None) -> Iterator[tuple[str, str]]:
    yield names[0], str(pair[0]) if pair else NOT_SET
    yield names[1], SET if pair else NOT_SET


def _path(path: Path | None) -> str:
    return str(path) if path else NOT_SET


def _days(age: timedelta) -> str:
    return f"{age.days} days"
