"""Who may do something on a ward: a person before a registered screen, or one who has signed in."""

from typing import NamedTuple

from flask import Flask, Response, current_app, g, request
from werkzeug.wrappers import Response as BaseResponse

from fleet.config import Settings
from fleet.services.holds import Hand
from fleet.services.kiosk_sessions import kiosk_session
from fleet.store.models import Kiosk, KioskSession
from fleet.store.queries.kiosks import kiosk_by_token
from fleet.web import clock
from fleet.web.signed_in import current_user

SCREEN_COOKIE = "wardfleet_screen"
BADGE_COOKIE = "wardfleet_badge"
SCREEN_LASTS_S = 400 * 86_400
"""As long as browsers keep a cookie; every visit begins it anew."""


class NotShown(Exception):
    """`need`: what is missing before this can be done: badge, pin, or login."""

    def __init__(self, need: str) -> None:
        super().__init__(need)
        self.need = need


class Standing(NamedTuple):
    """Who stands before the screen, for the page: until when, in milliseconds from now."""

    name: str
    idle_ms: int


def init_app(app: Flask) -> None:
    app.context_processor(lambda: {"screen": current_screen, "standing": standing})
    app.after_request(_keep_to_themselves)


def current_screen() -> Kiosk | None:
    """The registered screen that asks, looked up once in a request."""
    if "screen" not in g:
        token = request.cookies.get(SCREEN_COOKIE)
        g.screen = kiosk_by_token(token) if token else None
    screen: Kiosk | None = g.screen
    return screen


def current_session() -> KioskSession | None:
    """Of who stands before this screen: one that was begun at another counts for nothing here."""
    screen, token = current_screen(), request.cookies.get(BADGE_COOKIE)
    session = kiosk_session(token, clock.now()) if screen and token else None
    return session if session and screen and session.kiosk_id == screen.id else None


def hand(*, changes: bool = True) -> Hand:
    """Who does it. `changes`: a badge alone is not enough (control 32). Raises NotShown."""
    screen = current_screen()
    if screen is None:
        user = current_user()
        if user is None:
            raise NotShown("login")
        return Hand(f"user:{user.username}")
    session = current_session()
    if session is None:
        raise NotShown("badge")
    if changes and session.pin_at is None:
        raise NotShown("pin")
    name = f"kiosk/{screen.id} {screen.name}"
    return Hand(f"user:{session.badge.user.username}", name, screen.ward_id)


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
