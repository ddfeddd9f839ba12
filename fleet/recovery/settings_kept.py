"""The settings that a backup was taken with: to be read by a person, without what is secret."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

MEMBER = "settings.json"
_SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")
_HIDDEN = "***"


def shown(environ: Mapping[str, str]) -> dict[str, str]:
    """Every FLEET_ variable; passwords, also those in addresses, are hidden."""
    return {
        name: _HIDDEN if _SECRET.search(name) else _without_password(value)
        for name, value in sorted(environ.items())
        if name.startswith("FLEET_")
    }


def _without_password(value: str) -> str:
    """The query goes as a whole: libpq takes a password there too."""
    if "://" not in value:
        return value
    parts = urlsplit(value)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon and f':{_HIDDEN}'}{at}{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query and _HIDDEN, ""))
