"""Who may do something on a ward: a person before a registered screen, or one who has signed in."""

from typing import NamedTuple

from flask import Flask, Response, current_app, jsonify, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from werkzeug.wrappers import Response as BaseResponse

from fleet.access import NotShown, actor
from fleet.config import Settings
from fleet.identity import BADGE_COOKIE, SCREEN_COOKIE, badge_session, current_screen
from fleet.services.holds import Hand
from fleet.store.models import KioskSession
from fleet.web import clock
from fleet.web.sayings import refusal
from fleet.web.words import capitalize_first

SCREEN_LASTS_S = 400 * 86_400
"""As long as browsers keep a cookie; every visit begins it anew."""
NEEDS = {
    "badge": _("Hold your badge to the reader."),
    "pin": _("Enter your PIN."),
    "login": _("Sign in first: this is not a registered screen."),
}


class Standing(NamedTuple):
    """Who stands before the screen, for the page: until when, in milliseconds from now."""

    name: str
    idle_ms: int


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"screen": current_screen, "standing": standing})
    app.after_request(_keep_to_themselves)
    app.register_error_handler(NotShown, missing)


def current_session() -> KioskSession | None:
    return badge_session(clock.now())


def hand(*, changes: bool = True) -> Hand:
    """Who does it, behind a route that asks for `Access.USE`: that they may is known by then.

    `changes`: a badge alone is not enough (control 32). Raises NotShown.
    """
    screen, session = current_screen(), current_session()
    if screen is None or session is None:
        return Hand(actor())
    if changes and session.pin_at is None:
        raise NotShown("pin")
    return Hand(actor(), f"kiosk/{screen.id} {screen.name}", screen.ward_id)


def said(words: str, status: int, need: str | None = None) -> ResponseReturnValue:
    """For the page's own script, in the words of whoever stands there."""
    answer = jsonify(words=capitalize_first(refusal(words)), need=need)
    answer.headers["Cache-Control"] = "no-store"
    return answer, status


def missing(error: NotShown) -> ResponseReturnValue:
    return said(str(NEEDS[error.need]), 401, error.need)


def standing() -> Standing | None:
    session = current_session()
    if session is None:
        return None
    left = min(session.idle_at, session.ends_at) - clock.now()
    return Standing(session.badge.user.username, int(left.total_seconds() * 1000))


def settings() -> Settings:
    found: Settings = current_app.config["FLEET"]
    return found


def remember_screen(response: BaseResponse, token: str) -> BaseResponse:
    return _keep(response, SCREEN_COOKIE, token, SCREEN_LASTS_S)


def remember_badge(response: BaseResponse, token: str) -> BaseResponse:
    return _keep(response, BADGE_COOKIE, token, None)


def forget_badge(response: BaseResponse) -> BaseResponse:
    response.delete_cookie(BADGE_COOKIE, httponly=True, samesite="Strict", secure=request.is_secure)
    return response


def _keep(response: BaseResponse, name: str, token: str, age_s: int | None) -> BaseResponse:
    response.set_cookie(
        name, token, max_age=age_s, httponly=True, samesite="Strict", secure=request.is_secure
    )
    return response


def _keep_to_themselves(response: Response) -> Response:
    """A page with somebody's name on it is kept by no browser, nor by the boards' own worker.

    The part that moves names nobody.
    """
    is_page = response.mimetype == "text/html" and not request.path.endswith("/board")
    if is_page and BADGE_COOKIE in request.cookies and current_session() is not None:
        response.headers["Cache-Control"] = "no-store"
    return response
