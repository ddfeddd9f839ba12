"""Environment variables, read strictly: what is wrong is named, and what would be right."""

import re
from collections.abc import Mapping, Sequence
from datetime import time
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from fleet.wire.tls import TlsFiles

_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")


class SettingError(ValueError):
    """A setting that cannot be used; the message names it and what would be right."""


def whole(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise SettingError(f"{name}={text}: must be a whole number from {low} to {high}")
    return int(text)


def port(environ: Mapping[str, str], name: str, default: int) -> int:
    return whole(environ, name, default, 1, 65_535)


def time_of_day(environ: Mapping[str, str], name: str) -> time | None:
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


def litestream_url(environ: Mapping[str, str], database_url: str) -> str | None:
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


def host(environ: Mapping[str, str], name: str) -> str:
    text = environ.get(name) or "127.0.0.1"
    if not _is_bindable(text):
        raise SettingError(
            f"{name}={text}: must be an address or a name of this machine, "
            "like 0.0.0.0, [::] or localhost"
        )
    return text


def host_names(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = environ.get(name) or ""
    names = tuple(part.strip().strip("[]") for part in text.split(",") if part.strip())
    if not all(map(is_host, names)):
        raise SettingError(
            f"{name}={text}: must be host names or addresses with commas between, "
            "like fleet.hospital.example,10.1.2.3"
        )
    return names


def reached(bound: str) -> str:
    """Where to reach what is bound there: every address means, from here, this machine."""
    here = {str(IPv4Address(0)): "127.0.0.1", f"[{IPv6Address(0)}]": "[::1]"}
    return here.get(bound, bound)


def is_host(text: str) -> bool:
    """An address, or a name; an IPv6 address stands without brackets."""
    try:
        ip_address(text)
    except ValueError:
        return not text.replace(".", "").isdigit() and _HOST_NAME.fullmatch(text) is not None
    return True


def is_loopback(bound: str) -> bool:
    """Whether nobody outside of this machine reaches what is bound there."""
    try:
        return bound == "localhost" or ip_address(bound.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_bindable(text: str) -> bool:
    """An IPv6 address stands in brackets, as everywhere before a port."""
    in_brackets = text[:1] + text[-1:] == "[]"
    try:
        return in_brackets == (ip_address(text.strip("[]")).version == 6)
    except ValueError:
        return is_host(text)


def file_pair(environ: Mapping[str, str], cert: str, key: str) -> tuple[Path, Path] | None:
    """A certificate and its key: both, or none."""
    found = file(environ, cert), file(environ, key)
    if found[0] and found[1]:
        return found[0], found[1]
    if found[0] or found[1]:
        given, missing = (cert, key) if found[0] else (key, cert)
        raise SettingError(f"{given}: must come with {missing}")
    return None


def file(environ: Mapping[str, str], name: str) -> Path | None:
    text = environ.get(name)
    if not text:
        return None
    if not Path(text).is_file():
        raise SettingError(f"{name}={text}: must be a file that is there")
    return Path(text).absolute()


def mqtt_files(environ: Mapping[str, str]) -> TlsFiles | None:
    ca = file(environ, "FLEET_MQTT_CA")
    pair = file_pair(environ, "FLEET_MQTT_CERT", "FLEET_MQTT_KEY")
    if ca is None and pair is not None:
        raise SettingError("FLEET_MQTT_CERT: must come with FLEET_MQTT_CA")
    return TlsFiles(ca, *(pair or ())) if ca else None


def one_of(environ: Mapping[str, str], name: str, words: Sequence[str]) -> str | None:
    text = environ.get(name)
    if text and text not in words:
        raise SettingError(f"{name}={text}: must be one of {', '.join(words)}")
    return text or None


def instance(environ: Mapping[str, str]) -> str | None:
    text = environ.get("FLEET_INSTANCE")
    if text and not _INSTANCE.fullmatch(text):
        raise SettingError(
            f"FLEET_INSTANCE={text}: must be 1 to 63 letters, digits, dots, hyphens or underscores"
        )
    return text or None


def mqtt_url(environ: Mapping[str, str]) -> str | None:
    text = environ.get("FLEET_MQTT_URL")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        is_fine = False
    if not is_fine or not text.isprintable() or " " in text:
        raise SettingError(f"FLEET_MQTT_URL={_shown(text)}: must look like mqtts://host:8883")
    return text


def crl_url(environ: Mapping[str, str]) -> str | None:
    """Plain HTTP: the list is signed, and by HTTPS a certificate would be needed to check one
    (RFC 5280, 8)."""
    text = environ.get("FLEET_CRL_URL")
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_fine = parts.scheme == "http" and is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        is_fine = False
    if not is_fine or not parts.path.strip("/") or not text.isascii() or not text.isprintable():
        raise SettingError(
            f"FLEET_CRL_URL={_shown(text)}: must look like "
            "http://pki.hospital.example/wardfleet-crl.pem"
        )
    return text


def database_url(environ: Mapping[str, str], data_dir: Path) -> str:
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
