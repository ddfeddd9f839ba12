"""Who may do what: every route declares its permission, and nothing starts without one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request
from werkzeug.exceptions import Unauthorized

from fleet import identity
from fleet.domain import access as rules
from fleet.domain.access import EVERYWHERE, Access, Grant, Place, Reach, Role
from fleet.services.api_tokens import valid_token
from fleet.services.directed import directed_by
from fleet.services.errors import Invalid
from fleet.services.sign_in_external import NO_PASSWORD
from fleet.store.models import User
from fleet.store.queries import whereabouts
from fleet.store.queries.passkeys import has_passkey
from fleet.store.queries.people import grants_of
from fleet.wire.firmware import HEADER_SCHEME

View = TypeVar("View", bound=Callable[..., Any])
_READING = ("GET", "HEAD", "OPTIONS")


class At(StrEnum):
    """Where the permission must hold, where the address names no object (`_PLACES`) and it need not
    hold for everything."""

    WARD = "ward"
    """In the ward whose slug is in the address."""
    SITE = "site"
    SCOPE = "scope"
    """In what `scope` and `slug` name."""
    ANY = "any"
    """Anywhere: the view keeps to `reach()`, or shows nothing that belongs to a place."""


_PLACES: dict[str, Callable[[Any], Place | None]] = {
    "device_id": whereabouts.place_of_device,
    "pack_id": whereabouts.place_of_pack,
    "alert_id": whereabouts.place_of_alert,
    "rollout_id": whereabouts.place_of_rollout,
    "assignment_id": whereabouts.place_of_assignment,
    "kiosk_id": whereabouts.place_of_kiosk,
    "ticket_id": whereabouts.place_of_ticket,
}
"""By the name of a variable in an address: so what is about an object is only for who has it in
their reach, whatever the route declares."""
_LOOKED_UP = {At.WARD, At.SITE, At.SCOPE}


class NotShown(Unauthorized):
    """`need`: what somebody must show before this can be done: badge, pin, or login."""

    def __init__(self, need: str) -> None:
        super().__init__(need)
        self.need = need


class UndeclaredPermission(RuntimeError):
    """An endpoint that does not say who may use it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `name` as the audit log has it, and what they may where.

    `scopes`: a token's, which narrow its role; None for a person.
    """

    name: str
    grants: tuple[Grant, ...]
    scopes: frozenset[str] | None = None
    artifact: str | None = None
    """Where it is a device: the SHA-256 of the one file that it may have."""
    lacks_second_factor: bool = False
    """An administrator who has to set one up before anything else."""

    def giving(self, access: Access) -> list[Grant]:
        if self.artifact is not None:
            return [Grant(Role.VIEWER)] if access == Access.ARTIFACT else []
        if access == Access.OWN:  # a person's own account, whatever their roles
            return [Grant(Role.VIEWER)] if self.scopes is None else []
        changes = request.method not in _READING
        if self.scopes is not None and rules.scope_of(access, changes=changes) not in self.scopes:
            return []
        return rules.giving(self.grants, access)

    def may(self, access: Access, place: Place) -> bool:
        return any(grant.covers(place) for grant in self.giving(access))


def declare(view: View, access: Access, at: At | None = None) -> View:
    """`at`: None, where it must hold for the object that the address names, or for everything."""
    # Where flask-smorest looks: a function has no such attribute of its own.
    view._apidoc = {"access": access, "at": at}  # type: ignore[attr-defined]
    return view


def allow(access: Access, at: At | None = None) -> Callable[[View], View]:
    """Declare who may call this page. It stands nearest to the function, under all decorators."""

    def decorate(view: View) -> View:
        return declare(view, access, at)

    return decorate


def declared_by(app: Flask, endpoint: str) -> dict[str, Any]:
    found: dict[str, Any] = getattr(app.view_functions[endpoint], "_apidoc", {})
    return found


def check_declared(app: Flask) -> None:
    """Raises UndeclaredPermission, naming the endpoints that have none."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    missing = sorted(e for e in endpoints if "access" not in declared_by(app, e))
    if missing:
        raise UndeclaredPermission(f"no permission declared for {', '.join(missing)}")


def guard(now: Callable[[], datetime]) -> None:
    """Before every request: 401 for nobody, 403 for who may not, 404 for what is not theirs."""
    if request.endpoint is None:
        return
    declared = declared_by(current_app, request.endpoint)
    access = declared.get("access")
    if access == Access.OPEN:
        return
    caller = _known(access, now())
    if caller is None and access == Access.USE:
        raise NotShown("login" if identity.current_screen() is None else "badge")
    if caller is None:
        abort(401, "Send a token as `Authorization: Bearer ...`, or sign in.")
    if access is None:  # it was added after the start
        abort(403)
    _check(caller, access, declared.get("at"))
    if declared.get("if_match") and "If-Match" not in request.headers:
        abort(428, "Send the ETag that you have read as If-Match.")


def _check(caller: Caller, access: Access, at: At | None) -> None:
    if caller.lacks_second_factor and access != Access.OWN:
        abort(403, "Administrators need a second factor: set one up under /it/account.")
    if not caller.giving(access):
        abort(403, f"This needs the permission `{access}`.")
    if caller.may(access, EVERYWHERE):
        return
    places = list(_places(at, request.view_args or {}))
    if not places and at == At.ANY:
        return
    if not places:
        abort(403, f"This needs the permission `{access}` for everything.")
    if not all(place and _may(caller, access, place) for place in places):
        abort(404)  # as if it were not there


def _may(caller: Caller, access: Access, place: Place) -> bool:
    """Carts are lent: who uses those of a ward uses those of its whole hospital, for the board
    itself sends them next door when there is none."""
    if access != Access.USE or place.site_id is None:
        return caller.may(access, place)
    wards = {grant.ward_id for grant in caller.giving(access) if grant.ward_id is not None}
    return caller.may(access, place) or place.site_id in whereabouts.sites_of(wards)


def _places(at: At | None, named: dict[str, Any]) -> Iterator[Place | None]:
    """Of each object that the address names; None for one that there is not."""
    if at in _LOOKED_UP:
        scope = named["scope"] if at == At.SCOPE else str(at)
        yield whereabouts.place_of_scope(scope, named["slug"])
    for name, read in _PLACES.items():
        if name in named:
            yield read(named[name])


# --- For views ------------------------------------------------------------------------------


def caller() -> Caller:
    """Who asks. Only behind a route that is not open."""
    found: Caller | None = g.get("caller")
    if found is None:
        abort(401)
    return found


def actor() -> str:
    """Who asks, as the audit log names them."""
    return caller().name


def reach(access: Access = Access.READ) -> Reach:
    """Where they may, for a list that shows no more than that."""
    return Reach.of(caller().giving(access))


def may(access: Access, at: At | None = At.ANY) -> bool:
    """Whether a page offers it: somewhere, unless it is about everything."""
    if at == At.ANY:
        return bool(caller().giving(access))
    return caller().may(access, EVERYWHERE)


def must_reach(access: Access, scope: str, key: str, field: str) -> None:
    """Before a change of what stands in the body. Raises Invalid where one may not there, in the
    words for what is not there; that there is such a thing is for the use case to say.
    """
    if caller().may(access, EVERYWHERE):
        return
    place = whereabouts.place_of_scope(scope, key)
    if place is None or not caller().may(access, place):
        raise Invalid({field: f"there is no {scope} {key}"})


def must_set_up_second_factor() -> bool:
    found: Caller | None = g.get("caller")
    return found is not None and found.lacks_second_factor


def may_have(sha256: str) -> bool:
    """Whether this caller may have this file: a device only the one it was directed to."""
    return caller().artifact in (None, sha256)


# --- Who it is ------------------------------------------------------------------------------


def _known(access: Access | None, now: datetime) -> Caller | None:
    """By the token where one is sent: then a cookie that came along counts for nothing."""
    if "caller" not in g:
        authorization = request.headers.get("Authorization")
        in_person = _by_badge if _is_done_at_screen(access) else _by_session
        g.caller = in_person(now) if authorization is None else _by_token(authorization, now)
    found: Caller | None = g.caller
    return found


def _is_done_at_screen(access: Access | None) -> bool:
    """Carts are taken by who stands there, whoever else is signed in in the same browser."""
    return access == Access.USE and identity.current_screen() is not None


def _by_badge(now: datetime) -> Caller | None:
    session = identity.badge_session(now)
    if session is None:
        return None
    user = session.badge.user
    return Caller(f"user:{user.username}", grants_of(user.id))


def _by_session(now: datetime) -> Caller | None:
    user = identity.current_user(now)
    if user is None:
        return None
    grants = grants_of(user.id)
    lacks = _lacks_second_factor(user, grants)
    return Caller(f"user:{user.username}", () if lacks else grants, lacks_second_factor=lacks)


def _lacks_second_factor(user: User, grants: tuple[Grant, ...]) -> bool:
    """Where another proves who they are, that is for the other to ask for."""
    if not current_app.config["FLEET"].sign_in.administrators_need_a_second_factor:
        return False
    is_administrator = any(grant.role == Role.ADMINISTRATOR for grant in grants)
    if not is_administrator or user.password_hash == NO_PASSWORD:
        return False
    return user.totp_since is None and not has_passkey(user.id)


def _by_token(authorization: str, now: datetime) -> Caller | None:
    scheme, _, token = authorization.partition(" ")
    if scheme == HEADER_SCHEME:
        return _by_direction(token.strip(), now)
    row = valid_token(token.strip(), now) if scheme.lower() == "bearer" else None
    if row is None:
        return None
    grant = Grant(Role(row.role), row.site_id, row.ward_id)
    return Caller(f"token/{row.id}", (grant,), frozenset(row.scopes))


def _by_direction(text: str, now: datetime) -> Caller | None:
    device = directed_by(text, now)
    if device is None:
        return None
    return Caller(f"device/{device.device_id}", (), artifact=device.artifact_sha256)
