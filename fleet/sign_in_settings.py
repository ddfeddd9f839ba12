"""Settings of how people prove who they are, read strictly."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from fleet import environment as read
from fleet.domain.access import Role
from fleet.environment import SettingError, is_loopback

_ROLES = "FLEET_OIDC_ROLES"
_ORIGIN = re.compile(r"(?:https://([a-z0-9.-]+)|http://localhost)(?::[1-9][0-9]{0,4})?")
_USUAL_PORTS = {"https": ":443", "http": ":80"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """Whoever has this value in the claim has this role there."""

    value: str
    role: Role
    where: str


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """An OpenID provider. `claim`: of the ID token, with the values that `roles` map."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str
    roles: tuple[Mapped, ...]


@dataclass(frozen=True, slots=True)
class SignInSettings:
    idle: timedelta
    """A session of the console that is not used for so long is over."""
    administrators_need_a_second_factor: bool
    single_sign_on: SingleSignOn | None


def public_address(environ: Mapping[str, str], own: str | None) -> str | None:
    """Where people reach the pages, as their browsers write an origin (RFC 6454, 6.2); else `own`.

    It has a name, because a passkey belongs to one; and browsers make passkeys over HTTPS alone,
    but for localhost (WebAuthn Level 3, 5.1.3 and 13.4.9). Raises SettingError.
    """
    text = environ.get("FLEET_PUBLIC_ADDRESS") or own
    if not text:
        return None
    origin = text.lower().removesuffix("/")
    found = _ORIGIN.fullmatch(origin)
    name = found and (found[1] or "localhost")
    if not name or not read.is_host(name) or name.replace(".", "").isdigit():
        raise SettingError(
            f"FLEET_PUBLIC_ADDRESS={text}: must be the address of the pages by a name, "
            "like https://fleet.hospital.example"
        )
    return origin.removesuffix(_USUAL_PORTS[origin.partition(":")[0]])


def from_env(environ: Mapping[str, str]) -> SignInSettings:
    """Raises SettingError."""
    needed = read.one_of(environ, "FLEET_ADMINISTRATORS_NEED_A_SECOND_FACTOR", ("yes", "no"))
    return SignInSettings(
        timedelta(minutes=read.whole(environ, "FLEET_SESSION_IDLE_MINUTES", 30, 1, 720)),
        needed == "yes",
        _single_sign_on(environ),
    )


def _single_sign_on(environ: Mapping[str, str]) -> SingleSignOn | None:
    names = ("FLEET_OIDC_ISSUER", "FLEET_OIDC_CLIENT_ID", "FLEET_OIDC_CLIENT_SECRET", _ROLES)
    given = [environ.get(name, "") for name in names]
    if not any(given):
        return None
    for name, text in zip(names, given, strict=True):
        if not text:
            raise SettingError(f"{name}: must come with {', '.join(n for n in names if n != name)}")
    issuer, client_id, secret, roles = given
    claim = environ.get("FLEET_OIDC_CLAIM") or "groups"
    return SingleSignOn(_issuer(issuer), client_id, secret, claim, tuple(_mapped(roles)))


def _issuer(text: str) -> str:
    """HTTPS, as OpenID Connect Core 1.0, 2, has it; in plain text only on this machine."""
    try:
        parts = urlsplit(text)
        is_safe = parts.scheme == "https" or is_loopback(parts.hostname or "")
    except ValueError:
        is_safe = False
    if not is_safe or not parts.hostname or parts.query or parts.fragment:
        raise SettingError(
            f"FLEET_OIDC_ISSUER={text}: must be the issuer's address as it says it itself, "
            "like https://login.hospital.example"
        )
    return text


def _mapped(text: str) -> Iterator[Mapped]:
    """`value=role` or `value=role@place`, with semicolons between."""
    for part in filter(None, (part.strip() for part in text.split(";"))):
        value, _, rest = part.rpartition("=")
        role, _, where = rest.partition("@")
        place = where or "everything"
        is_place = place == "everything" or place.partition(":")[0] in ("site", "ward")
        if not value or role not in set(Role) or not is_place:
            raise SettingError(
                f"{_ROLES}: {part}: must look like wardfleet-admins=administrator or "
                f"icu=ward_nurse@ward:icu; roles are {', '.join(Role)}"
            )
        yield Mapped(value, Role(role), place)
