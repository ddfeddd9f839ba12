"""Who is asking: the session cookie, and the user behind it."""

from flask import Flask, Response, current_app, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from fleet import access, identity
from fleet.access import actor as actor
from fleet.domain.access import Access
from fleet.identity import COOKIE
from fleet.store.models import User
from fleet.web import clock


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(signed_in_user=current_user, may=may, offers=offers)


def current_user() -> User | None:
    return identity.current_user(clock.now())


def may(word: str) -> bool:
    """In a template: whether they have this permission somewhere."""
    return access.may(Access(word))


def offers(endpoint: str) -> bool:
    """In a template: whether a link to this page leads anywhere for them."""
    declared = access.declared_by(current_app, endpoint)
    return access.may(declared["access"], declared["at"])


def way_in() -> BaseResponse:
    """401, with the way in, and then back here."""
    here = request.full_path.rstrip("?") if request.method == "GET" else "/it"
    onward = url_for("entrance.login", next=here)
    if request.headers.get("HX-Request"):  # a page would be swapped into the page
        return Response(status=401, headers={"HX-Redirect": onward})
    page = render_template(
        "entrance/login.html", problem=None, username="", action=onward, going=here
    )
    return Response(page, 401, headers={"Cache-Control": "no-store"})


def remember(response: BaseResponse, token: str) -> BaseResponse:
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=request.is_secure)
    return response


def forget(response: BaseResponse) -> BaseResponse:
    response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=request.is_secure)
    return response
