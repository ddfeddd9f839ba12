"""Who may do what: every endpoint declares its permission, and nothing starts without one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, current_app, g, request

from fleet import identity
from fleet.api import clock
from fleet.services.api_tokens import valid_token
from fleet.services.directed import directed_by
from fleet.wire.firmware import HEADER_SCHEME

PREFIX = "/api/v1"
View = TypeVar("View", bound=Callable[..., Any])


class Access(StrEnum):
    OPEN = "open"
    READ = "read"
    WRITE = "write"
    METRICS = "metrics"
    ARTIFACT = "artifact"
    """A firmware's file: for who may read, and for the device that was directed to it."""


class UndeclaredPermission(RuntimeError):
    """An endpoint that does not say who may use it."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: `name` as the audit log has it, and the scopes that they have."""

    name: str
    scopes: frozenset[str]
    artifact: str | None = None
    """Where it is a device: the SHA-256 of the one file that it may have."""


def allow(access: Access, *, if_match: bool = False, etag: bool = False) -> Callable[[View], View]:
    """Declare who may call this view. It stands nearest to the function, under all decorators.

    `if_match`: only with an If-Match header. `etag`: the answer has one. All three are documented.
    """

    def declare(view: View) -> View:
        declared = {"access": access, "if_match": if_match, "tagged": etag}
        # Where flask-smorest looks: a function has no such attribute of its own.
        view._apidoc = declared  # type: ignore[attr-defined]
        # OPTIONS would be documented nowhere and serve nobody: other origins' pages may not ask.
        view.provide_automatic_options = False  # type: ignore[attr-defined]
        return view

    return declare


def declared_by(app: Flask, endpoint: str) -> dict[str, Any]:
    found: dict[str, Any] = getattr(app.view_functions[endpoint], "_apidoc", {})
    return found


def endpoints(app: Flask) -> Iterator[str]:
    """Every endpoint under the API's address, whoever registered it."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            yield rule.endpoint


def check_declared(app: Flask) -> None:
    """Raises UndeclaredPermission, naming the endpoints that have none."""
    missing = sorted(e for e in endpoints(app) if "access" not in declared_by(app, e))
    if missing:
        raise UndeclaredPermission(f"no permission declared for {', '.join(missing)}")


def guard() -> None:
    """Before every request: 401 for nobody, 403 for somebody who may not, 428 for the careless."""
    if request.endpoint is None:
        return
    declared = declared_by(current_app, request.endpoint)
    is_page = "access" not in declared and not request.path.startswith("/api/")
    if is_page or declared.get("access") == Access.OPEN:
        return
    caller = _caller()
    if caller is None:
        abort(401, "Send a token as `Authorization: Bearer ...`, or sign in.")
    if declared.get("access") not in caller.scopes:
        abort(403, f"This needs the scope `{declared.get('access')}`.")
    if declared.get("if_match") and "If-Match" not in request.headers:
        abort(428, "Send the ETag that you have read as If-Match.")
    g.caller = caller


def may_have(sha256: str) -> bool:
    """Whether this caller may have this file: a device only the one it was directed to."""
    caller: Caller = g.caller
    return caller.artifact in (None, sha256)


def actor() -> str:
    """Who asks, as the audit log names them."""
    caller: Caller = g.caller
    return caller.name


def _caller() -> Caller | None:
    """By the token where one is sent: then a cookie that came along counts for nothing."""
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        return _by_token(authorization)
    user = identity.current_user(clock.now())
    if user is None:
        return None
    return Caller(f"user:{user.username}", frozenset(Access) - {Access.OPEN})


def _by_token(authorization: str) -> Caller | None:
    scheme, _, token = authorization.partition(" ")
    if scheme == HEADER_SCHEME:
        return _by_direction(token.strip())
    row = valid_token(token.strip(), clock.now()) if scheme.lower() == "bearer" else None
    if row is None:
        return None
    may_read = {Access.ARTIFACT} if Access.READ in row.scopes else set()
    return Caller(f"token/{row.id}", frozenset(row.scopes) | may_read)


def _by_direction(text: str) -> Caller | None:
    device = directed_by(text, clock.now())
    if device is None:
        return None
    scopes = frozenset({Access.ARTIFACT})
    return Caller(f"device/{device.device_id}", scopes, device.artifact_sha256)
