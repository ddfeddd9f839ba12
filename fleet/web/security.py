"""What every answer and every change must satisfy: headers, and proof that the page was ours."""

import re
from itertools import chain

from flask import Flask, Response, abort, request
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFError, CSRFProtect

from fleet import access
from fleet.identity import COOKIE
from fleet.web import clock

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

csrf = CSRFProtect()

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""All but tab and line ends, which come along when something is pasted."""


class SecureWhereItCan(SecureCookieSessionInterface):
    """Over HTTPS its cookie never goes out in plain text; on one machine there is none."""

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def init_app(app: Flask) -> None:
    app.session_interface = SecureWhereItCan()
    # A form left open over night must still work: the token lives as long as its session.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf.init_app(app)
    app.before_request(_refuse_control_characters)
    app.before_request(lambda: access.guard(clock.now))
    app.before_request(_refuse_foreign_forms)
    app.after_request(_add_headers)


def is_own_path(path: str, under: str = "/") -> bool:
    """Whether it leads to a page of our own (`//host` and `/\\host` lead to another)."""
    is_below = path.startswith(under) and not path.startswith("//")
    return is_below and "\\" not in path and path.isprintable()


def _refuse_control_characters() -> None:
    """Nobody types them, and a database that keeps text cannot take all of them."""
    given = chain(request.args.items(multi=True), request.form.items(multi=True))
    if any(map(_CONTROL.search, chain((request.path,), *given))):
        abort(400, "A control character stands in the address or in the form.")


def _refuse_foreign_forms() -> None:
    """A browser adds cookies by itself, so a cookie alone proves nothing about who wrote the form.

    A bearer token is never added by a browser; an API call without either is not signed in at all,
    and the API says so itself.
    """
    if request.path.startswith("/api/"):
        by_cookie = COOKIE in request.cookies
        if not by_cookie or request.headers.get("Authorization", "").startswith("Bearer "):
            return
    try:
        csrf.protect()
    except CSRFError as error:
        abort(403, f"{error.description} Load the page again, then repeat what you did.")


def _add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
