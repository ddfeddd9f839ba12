"""People: who they are, what they may and where, and who may no longer come in."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access, Role
from fleet.services import grants
from fleet.services.add_user import add_user
from fleet.services.disable_user import disable_user, enable_user
from fleet.services.errors import Conflict, Invalid
from fleet.services.second_factor import reset_second_factor
from fleet.store.queries.people import people as all_people
from fleet.store.queries.places import sites, wards
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, it, refused_with_words

STEPS = {
    "disable": (disable_user, "{} is disabled, and signed out everywhere."),
    "enable": (enable_user, "{} can sign in again."),
    "reset-second-factor": (reset_second_factor, "{} signs in with the password alone."),
}


@it.get("/people")
@allow(Access.PEOPLE)
def people() -> ResponseReturnValue:
    return _page({})


@it.post("/people")
@allow(Access.PEOPLE)
def add_person() -> ResponseReturnValue:
    form = request.form
    username = form.get("username", "").strip()
    password, role, where = (form.get(name, "") for name in ("password", "role", "where"))
    try:
        add_user(username, password, actor(), clock.now(), role, where)
    except Invalid as problem:
        return _page(problem.fields), 422
    except Conflict as problem:
        return _page({"username": problem.message}), 409
    flash(f"{username} can sign in now. The password is only the first: ask for another one.")
    return redirect(url_for("it.people"), code=303)


@it.post("/people/<username>/roles")
@refused_with_words
@allow(Access.PEOPLE)
def grant_role(username: str) -> ResponseReturnValue:
    role, where = request.form.get("role", ""), request.form.get("where", "")
    grants.grant_role(username, role, where, actor(), clock.now())
    flash(f"{username} has the role.")
    return redirect(url_for("it.people"), code=303)


@it.post(f"/people/roles/<{KEY}:grant_id>/revoke")
@refused_with_words
@allow(Access.PEOPLE)
def revoke_role(grant_id: int) -> ResponseReturnValue:
    grants.revoke_role(grant_id, actor(), clock.now())
    flash("The role is taken back.")
    return redirect(url_for("it.people"), code=303)


@it.post("/people/<username>/<step>")
@refused_with_words
@allow(Access.PEOPLE)
def change_person(username: str, step: str) -> ResponseReturnValue:
    if step not in STEPS:
        abort(404)
    change, words = STEPS[step]
    change(username, actor(), clock.now())
    flash(words.format(username))
    return redirect(url_for("it.people"), code=303)


def _page(problems: dict[str, str]) -> str:
    return render_template(
        "it/people.html",
        people=all_people(),
        roles=list(Role),
        sites=sites(),
        wards=wards(),
        problems=problems,
        given=request.form,
    )
