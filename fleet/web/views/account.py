"""One's own account: what one may, the second factor, the password."""

import segno
from flask import Response, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.identity import COOKIE
from fleet.services.change_password import change_password
from fleet.services.errors import Invalid, TooManyAttempts
from fleet.services.passkeys import is_fresh, prove
from fleet.services.second_factor import (
    address_of,
    confirm_second_factor,
    offer_second_factor,
)
from fleet.store.queries.passkeys import passkeys_of
from fleet.store.queries.people import Person, people
from fleet.web import clock
from fleet.web.signed_in import current_user
from fleet.web.views.console import it, refused_with_words


@it.get("/account")
@allow(Access.OWN)
def account() -> ResponseReturnValue:
    return _page({})


@it.post("/account/password")
@allow(Access.OWN)
def change_own_password() -> ResponseReturnValue:
    """Every other session of theirs ends, and this one too: they sign in with the new one."""
    person, given = _oneself(), request.form
    try:
        if given.get("new", "") != given.get("again", ""):
            raise Invalid({"again": "is not the same as the new password"})
        change_password(person.username, given.get("old", ""), given.get("new", ""), clock.now())
    except Invalid as problem:
        return _page(problem.fields), 422
    except TooManyAttempts as problem:
        return _page({"old": problem.message}), 429
    return redirect(url_for("entrance.login"), code=303)


@it.post("/account/second-factor")
@refused_with_words
@allow(Access.OWN)
def set_up_second_factor() -> ResponseReturnValue:
    """Not redirected: the secret is shown in this one answer."""
    person, token = _oneself(), request.cookies.get(COOKIE, "")
    try:
        prove(person.username, request.form.get("password", ""), token, clock.now())
    except Invalid as problem:
        return _page({f"again_{name}": words for name, words in problem.fields.items()}), 422
    return _offered(person.username, offer_second_factor(person.username))


@it.post("/account/second-factor/confirm")
@refused_with_words
@allow(Access.OWN)
def confirm_own_second_factor() -> ResponseReturnValue:
    person = _oneself()
    codes = confirm_second_factor(person.username, request.form.get("code", ""), clock.now())
    page = render_template("it/recovery_codes.html", codes=codes)
    return Response(page, headers={"Cache-Control": "no-store"})


def _page(problems: dict[str, str]) -> str:
    person = _oneself()
    return render_template(
        "it/account.html",
        person=person,
        passkeys=passkeys_of(person.username),
        is_fresh=is_fresh(request.cookies.get(COOKIE, ""), clock.now()),
        problems=problems,
    )


def _offered(username: str, secret: str) -> Response:
    address = address_of(username, secret)
    qr = segno.make(address, error="m", micro=False).svg_data_uri(scale=4, border=4)
    page = render_template("it/second_factor.html", secret=secret, qr=qr)
    return Response(page, headers={"Cache-Control": "no-store"})


def _oneself() -> Person:
    user = current_user()
    if user is None:
        abort(401)
    return people(user.username)[0]
