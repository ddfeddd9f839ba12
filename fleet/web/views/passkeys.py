"""Passkeys: what a browser is asked for them, and those of one's own account."""

from flask import (
    Response,
    abort,
    current_app,
    flash,
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
from fleet.services import passkeys, sign_in_passkey
from fleet.services.errors import Conflict, Invalid, TooManyAttempts
from fleet.web import clock
from fleet.web.signed_in import current_user
from fleet.web.views.console import KEY, back, it, refused_with_words
from fleet.web.views.entrance import ASKED, entrance


@entrance.app_context_processor
def _told() -> dict[str, object]:
    return {"passkeys_at": current_app.config["FLEET"].public_address}


@entrance.post("/login/passkey")
@allow(Access.OPEN)
def ask_for_passkey() -> ResponseReturnValue:
    token = request.cookies.get(COOKIE, "")
    return _asked(*sign_in_passkey.ask_for_passkey(token, origin(), clock.now()))


@it.post("/account/passkeys/new")
@allow(Access.OWN)
def offer_passkey() -> ResponseReturnValue:
    name, password = request.form.get("name", ""), request.form.get("password", "")
    token = request.cookies.get(COOKIE, "")
    try:
        return _asked(
            *passkeys.offer_passkey(_own_name(), name, password, token, origin(), clock.now())
        )
    except Invalid as problem:
        return {"problem": " ".join(f"{n}: {words}" for n, words in problem.fields.items())}, 422
    except (Conflict, TooManyAttempts) as problem:
        return {"problem": problem.message}, 429 if isinstance(problem, TooManyAttempts) else 409


@it.post("/account/passkeys")
@refused_with_words
@allow(Access.OWN)
def add_passkey() -> ResponseReturnValue:
    answer, key = request.form.get("credential", ""), session.pop(ASKED, "")
    codes = passkeys.add_passkey(_own_name(), answer, key, origin(), clock.now())
    if codes:
        page = render_template("it/recovery_codes.html", codes=codes)
        return Response(page, headers={"Cache-Control": "no-store"})
    flash("The passkey is added. You can sign in with it.")
    return redirect(url_for("it.account"), code=303)


@it.post(f"/account/passkeys/<{KEY}:passkey_id>/remove")
@refused_with_words
@allow(Access.OWN)
def remove_passkey(passkey_id: int) -> ResponseReturnValue:
    password, token = request.form.get("password", ""), request.cookies.get(COOKIE, "")
    passkeys.remove_passkey(_own_name(), passkey_id, password, token, clock.now())
    flash("The passkey is removed, and you are signed out everywhere else.")
    return back("/it/account")


def origin() -> str:
    """Where people reach the pages; nowhere else is there a passkey."""
    address: str | None = current_app.config["FLEET"].public_address
    if address is None:
        abort(404)
    return address


def _asked(key: str, told: str) -> Response:
    session[ASKED] = key
    return Response(told, mimetype="application/json", headers={"Cache-Control": "no-store"})


def _own_name() -> str:
    user = current_user()
    if user is None:
        abort(401)
    return user.username
