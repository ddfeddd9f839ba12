"""A ward's screen: how it becomes one, and how people show their badge to it."""

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_babel import lazy_gettext as _

from fleet.access import allow
from fleet.domain.access import Access
from fleet.domain.badges import BADGE_ID, BADGE_ID_WORDS
from fleet.services import kiosk_sessions
from fleet.services.errors import NotFound, TooManyAttempts, Unauthorized
from fleet.services.kiosks import register_kiosk
from fleet.web import clock
from fleet.web.at_screen import (
    BADGE_COOKIE,
    current_screen,
    current_session,
    forget_badge,
    remember_badge,
    remember_screen,
    said,
    settings,
)
from fleet.web.sayings import refusal

screen = Blueprint("screen", __name__)

ENDED = _("Your session has ended: hold your badge to the reader.")


@screen.get("/screen")
@allow(Access.OPEN)
def registration() -> ResponseReturnValue:
    return render_template("entrance/screen.html", problem=None, known=current_screen())


@screen.post("/screen")
@allow(Access.OPEN)
def register() -> ResponseReturnValue:
    try:
        token, slug = register_kiosk(request.form.get("code", ""), clock.now())
    except NotFound as problem:
        page = render_template("entrance/screen.html", problem=problem.message, known=None)
        return page, 404
    return remember_screen(redirect(url_for("board.ward", slug=slug), code=303), token)


@screen.get("/badge")
@allow(Access.OPEN)
def who() -> ResponseReturnValue:
    """401 once nobody stands there any more (control 26)."""
    session = current_session()
    if session is None:
        return said(str(ENDED), 401, need="badge")
    return jsonify(name=session.badge.user.username, need=_need(session.pin_at is not None))


@screen.post("/badge")
@allow(Access.OPEN)
def show() -> ResponseReturnValue:
    here = current_screen()
    if here is None:
        return said(gettext("This screen is not registered: IT gives a code for /screen."), 403)
    badge_id = request.form.get("badge", "")
    if not BADGE_ID.fullmatch(badge_id):
        return said(gettext("A badge is %(what)s.", what=refusal(BADGE_ID_WORDS)), 422)
    secret, idle = settings().secret_key(), settings().kiosk_idle
    try:
        token, badge = kiosk_sessions.show_badge(here, badge_id, secret, idle, clock.now())
    except Unauthorized as problem:
        return said(problem.message, 401, need="badge")
    answer = jsonify(
        name=badge.user.username, need=_need(False), has_pin=badge.pin_hash is not None,
        idle_ms=int(idle.total_seconds() * 1000),
    )  # fmt: skip
    return remember_badge(answer, token)


@screen.post("/badge/pin")
@allow(Access.OPEN)
def pin() -> ResponseReturnValue:
    token, idle = request.cookies.get(BADGE_COOKIE, ""), settings().kiosk_idle
    session = current_session()
    if session is None:
        return said(str(ENDED), 401, need="badge")
    name = session.badge.user.username
    try:
        fresh = kiosk_sessions.enter_pin(token, request.form.get("pin", ""), idle, clock.now())
    except Unauthorized as problem:
        return said(problem.message, 401, need="pin")
    except TooManyAttempts as problem:
        return said(problem.message, 429)
    idle_ms = int(idle.total_seconds() * 1000)
    return remember_badge(jsonify(name=name, need=None, idle_ms=idle_ms), fresh)


@screen.post("/badge/touch")
@allow(Access.OPEN)
def touch() -> ResponseReturnValue:
    """Somebody is still there: the screen says so at every touch, never by itself."""
    token, idle = request.cookies.get(BADGE_COOKIE, ""), settings().kiosk_idle
    if current_session() is None or not kiosk_sessions.keep_awake(token, idle, clock.now()):
        return said(str(ENDED), 401, need="badge")
    return jsonify(idle_ms=int(idle.total_seconds() * 1000))


@screen.post("/badge/off")
@allow(Access.OPEN)
def off() -> ResponseReturnValue:
    if token := request.cookies.get(BADGE_COOKIE):
        kiosk_sessions.sign_off(token)
    return forget_badge(Response(status=204))


def _need(has_pin: bool) -> str | None:
    return None if has_pin else "pin"
