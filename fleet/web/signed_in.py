"""Who is asking: the session cookie, and the user behind it."""

from flask import Flask, Response, abort, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from fleet import identity
from fleet.identity import COOKIE
from fleet.store.models import User
from fleet.web import clock


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"signed_in_user": current_user})


def current_user() -> User | None:
    return identity.current_user(clock.now())


def actor() -> str:
    """The signed-in user as the audit log names them."""
    user = current_user()
    if user is None:
        abort(401)
    return f"user:{user.username}"


def require_login() -> BaseResponse | None:
    """For `before_request`: people without a session are shown the way in, and then back here."""
    if current_user() is not None:
        return None
    here = request.full_path.rstrip("?") if request.method == "GET" else "/it"
    way_in = url_for("entrance.login", next=here)
    if request.headers.get("HX-Request"):  # a redirect would be swapped into the page
        return Response(status=401, headers={"HX-Redirect": way_in})
    return redirect(way_in)


def remember(response: BaseResponse, token: str) -> BaseResponse:
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def forget(response: BaseResponse) -> BaseResponse:
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=request.is_secure)
    return response
