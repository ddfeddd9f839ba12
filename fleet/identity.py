"""Who is asking: by the cookie of a sign-in, or by the badge shown before a ward's screen."""

from datetime import datetime

from flask import current_app, g, request

from fleet.services.kiosk_sessions import kiosk_session
from fleet.services.sign_in import signed_in_user
from fleet.store.models import Kiosk, KioskSession, User
from fleet.store.queries.kiosks import kiosk_by_token

COOKIE = "wardfleet_session"
SCREEN_COOKIE = "wardfleet_screen"
BADGE_COOKIE = "wardfleet_badge"


def current_user(now: datetime) -> User | None:
    """The signed-in user of this request, looked up once."""
    if "user" not in g:
        token = request.cookies.get(COOKIE)
        idle = current_app.config["FLEET"].sign_in.idle
        g.user = signed_in_user(token, now, idle) if token else None
    user: User | None = g.user
    return user


def current_screen() -> Kiosk | None:
    """The registered screen that asks, looked up once in a request."""
    if "screen" not in g:
        token = request.cookies.get(SCREEN_COOKIE)
        g.screen = kiosk_by_token(token) if token else None
    screen: Kiosk | None = g.screen
    return screen


def badge_session(now: datetime) -> KioskSession | None:
    """Of who stands before this screen: one that was begun at another counts for nothing here."""
    screen, token = current_screen(), request.cookies.get(BADGE_COOKIE)
    session = kiosk_session(token, now) if screen and token else None
    return session if session and screen and session.kiosk_id == screen.id else None
