"""What every answer and every change must satisfy: headers, and proof that the page was ours."""

from flask import Flask, Response, abort, request
from flask_wtf.csrf import CSRFError, CSRFProtect

from fleet.identity import COOKIE

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "manifest-src 'self'",
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


def init_app(app: Flask) -> None:
    # A form left open over night must still work: the token lives as long as its session.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    csrf.init_app(app)
    app.before_request(_refuse_foreign_forms)
    app.after_request(_add_headers)


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
