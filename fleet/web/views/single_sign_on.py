"""To the hospital's own sign-in, and back."""

import logging

from flask import Blueprint, abort, current_app, render_template, session, url_for
from flask.typing import ResponseReturnValue

from fleet import single_sign_on as oidc
from fleet.access import allow
from fleet.domain.access import Access
from fleet.services.errors import Unauthorized
from fleet.services.sign_in_external import sign_in_external
from fleet.web import clock
from fleet.web.views.entrance import entered, onward

log = logging.getLogger(__name__)

single_sign_on = Blueprint("single_sign_on", __name__, url_prefix="/login/sso")
single_sign_on.app_context_processor(lambda: {"single_sign_on": is_there})
_GOING = "single_sign_on_to"


def is_there() -> bool:
    return oidc.KEY in current_app.extensions


@single_sign_on.get("")
@allow(Access.OPEN)
def begin() -> ResponseReturnValue:
    _must_be_there()
    session[_GOING] = onward()
    try:
        return oidc.send_away(current_app, url_for("single_sign_on.back", _external=True))
    except oidc.Refused as reason:
        return _refused(f"single sign-on cannot be reached: {reason}"), 502


@single_sign_on.get("/back")
@allow(Access.OPEN)
def back() -> ResponseReturnValue:
    _must_be_there()
    try:
        found = oidc.who_came_back(current_app)
        token = sign_in_external(found.who, found.roles, clock.now())
    except oidc.Refused as reason:
        return _refused(f"single sign-on refused: {reason}"), 401
    except Unauthorized as reason:
        return _page(reason.message[:1].upper() + reason.message[1:] + "."), 403
    return entered(token, session.pop(_GOING, url_for("it.overview")))


def _refused(reason: str) -> str:
    """The reason is for the log: a stranger learns from it what to try next."""
    log.warning("%s", reason)
    return _page("Your hospital account could not be verified. Try again, or ask IT.")


def _page(problem: str) -> str:
    action = url_for("entrance.login")
    return render_template("entrance/login.html", problem=problem, username="", action=action)


def _must_be_there() -> None:
    if not is_there():
        abort(404)
