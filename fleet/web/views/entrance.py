"""The ways in and out: first administrator, sign in, sign out."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.identity import COOKIE
from fleet.services import sign_in as sessions
from fleet.services.errors import Invalid, NotFound, TooManyAttempts
from fleet.services.first_administrator import create_administrator, is_open
from fleet.web import clock
from fleet.web.signed_in import current_user, forget, remember

entrance = Blueprint("entrance", __name__)


@entrance.get("/setup/<token>")
def setup(token: str) -> ResponseReturnValue:
    if not is_open(token, clock.now()):
        return render_template("entrance/spent.html"), 404
    return render_template("entrance/setup.html", fields={}, username="")


@entrance.post("/setup/<token>")
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
def login() -> ResponseReturnValue:
    if current_user() is not None:
        return redirect(_onward())
    return render_template("entrance/login.html", problem=None, username="")


@entrance.post("/login")
def sign_in() -> ResponseReturnValue:
    return _enter(request.form.get("username", ""), request.form.get("password", ""), _onward())


@entrance.post("/logout")
def logout() -> ResponseReturnValue:
    if token := request.cookies.get(COOKIE):
        sessions.sign_out(token)
    return forget(redirect(url_for("entrance.login")))


def _enter(username: str, password: str, onward: str) -> ResponseReturnValue:
    try:
        token = sessions.sign_in(username, password, clock.now())
    except TooManyAttempts as problem:
        return _refused(username, problem.message), 429
    if token is None:
        return _refused(username, "This name and password do not belong together."), 401
    return remember(redirect(onward, code=303), token)


def _refused(username: str, problem: str) -> str:
    return render_template("entrance/login.html", problem=problem, username=username)


def _onward() -> str:
    """Back to where they were going: only ever a path of our own."""
    wanted = request.args.get("next", "")
    if not wanted:
        return url_for("it.overview")
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    if not is_ours or not wanted.isprintable():
        abort(400)
    return wanted
