"""The ways in and out: first administrator, password, second factor, single sign-on, out."""

from collections.abc import Callable

from flask import (
    Blueprint,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.identity import COOKIE
from fleet.services import sign_in as sessions
from fleet.services.errors import Invalid, NotFound, TooManyAttempts
from fleet.services.first_administrator import create_administrator, is_open
from fleet.services.sign_in_passkey import sign_in_with_passkey
from fleet.web import clock
from fleet.web.security import is_own_path
from fleet.web.signed_in import current_user, forget, remember

entrance = Blueprint("entrance", __name__)

ASKED = "passkey"
"""In this browser's cookie: the key of what it was asked to sign with a passkey."""


@entrance.get("/setup/<token>")
@allow(Access.OPEN)
def setup(token: str) -> ResponseReturnValue:
    if not is_open(token, clock.now()):
        return render_template("entrance/spent.html"), 404
    return render_template("entrance/setup.html", fields={}, username="")


@entrance.post("/setup/<token>")
@allow(Access.OPEN)
def create_first_administrator(token: str) -> ResponseReturnValue:
    username, password = request.form.get("username", ""), request.form.get("password", "")
    try:
        if password != request.form.get("again", ""):
            raise Invalid({"again": "is not the same as the password"})
        create_administrator(token, username, password, clock.now())
    except Invalid as problem:
        return render_template("entrance/setup.html", fields=problem.fields, username=username), 422
    except NotFound:
        return render_template("entrance/spent.html"), 404
    return _enter(username, password, url_for("it.overview"))


@entrance.get("/login")
@allow(Access.OPEN)
def login() -> ResponseReturnValue:
    if current_user() is not None:
        return redirect(onward())
    return _form()


@entrance.post("/login")
@allow(Access.OPEN)
def sign_in() -> ResponseReturnValue:
    if "credential" in request.form:
        return _enter_by_passkey(_form)
    return _enter(request.form.get("username", ""), request.form.get("password", ""), onward())


@entrance.get("/login/code")
@allow(Access.OPEN)
def second_factor() -> ResponseReturnValue:
    if not sessions.waits_for_code(request.cookies.get(COOKIE, ""), clock.now()):
        return redirect(url_for("entrance.login"))
    return _code_form()


@entrance.post("/login/code")
@allow(Access.OPEN)
def show_second_factor() -> ResponseReturnValue:
    old, now, going = request.cookies.get(COOKIE, ""), clock.now(), onward()
    if not sessions.waits_for_code(old, now):
        return _form("That took too long: the password again, please."), 401
    if "credential" in request.form:
        return _enter_by_passkey(_code_form)
    try:
        token = sessions.show_second_factor(old, request.form.get("code", ""), now)
    except TooManyAttempts as problem:
        return _code_form(problem.message), 429
    if token is None:
        return _code_form("That code is wrong, or has been used."), 401
    return remember(redirect(going, code=303), token)


@entrance.post("/logout")
@allow(Access.OPEN)
def logout() -> ResponseReturnValue:
    if token := request.cookies.get(COOKIE):
        sessions.sign_out(token)
    session.clear()
    return forget(redirect(url_for("entrance.login")))


def entered(token: str, going: str) -> ResponseReturnValue:
    """Signed in, under a token that is new whatever the browser had before."""
    if old := request.cookies.get(COOKIE):
        sessions.sign_out(old)
    session.clear()
    if sessions.waits_for_code(token, clock.now()):
        going = url_for("entrance.second_factor", next=going)
    return remember(redirect(going, code=303), token)


def onward() -> str:
    """Back to where they were going: only ever a path of our own."""
    wanted = request.args.get("next", "")
    if not wanted:
        return url_for("it.overview")
    if not is_own_path(wanted):
        abort(400)
    return wanted


def _enter(username: str, password: str, going: str) -> ResponseReturnValue:
    try:
        token = sessions.sign_in(username, password, clock.now(), request.remote_addr or "")
    except TooManyAttempts as problem:
        return _form(problem.message, username), 429
    if token is None:
        return _form("This name and password do not belong together.", username), 401
    return entered(token, going)


def _enter_by_passkey(form: Callable[[str], str]) -> ResponseReturnValue:
    """In the place of the password, or after it; the form again, where nobody is proven."""
    going, origin = onward(), current_app.config["FLEET"].public_address
    answer, key = request.form["credential"], session.pop(ASKED, "")
    try:
        token = origin and sign_in_with_passkey(answer, key, origin, clock.now())
    except TooManyAttempts as problem:
        return form(problem.message), 429
    if not token:
        return form("This passkey is not known here, or it took too long. Try again."), 401
    return entered(token, going)


def _code_form(problem: str | None = None) -> str:
    has = sessions.second_factors(request.cookies.get(COOKIE, ""), clock.now())
    going = request.args.get("next")
    return render_template("entrance/code.html", problem=problem, has=has, going=going)


def _form(problem: str | None = None, username: str = "") -> str:
    going = request.args.get("next")
    return render_template("entrance/login.html", problem=problem, username=username, going=going)
