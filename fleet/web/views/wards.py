"""Hospitals and their wards: which there are, and the forms by which they come in."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, must_reach, reach
from fleet.domain.access import Access
from fleet.services.errors import Invalid, NotFound
from fleet.services.places import add_site, add_ward
from fleet.store.queries.hospital import hospitals
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import it

SITE = ("slug", "name", "timezone")
WARD = ("site", "slug", "name", "zones")


@it.get("/wards")
@allow(Access.READ, At.ANY)
def wards() -> ResponseReturnValue:
    return _page()


@it.post("/sites")
@allow(Access.SITES)
def new_site() -> ResponseReturnValue:
    given = _given(SITE)
    try:
        is_new = add_site(given["slug"], given["name"], given["timezone"], actor(), clock.now())
        if not is_new:
            raise Invalid({"slug": "there is such a hospital already"})
    except Invalid as problem:
        return _page("site", given, problem.fields), 422
    flash(f"{given['name']} is entered.")
    return redirect(url_for("it.wards"), code=303)


@it.post("/wards")
@allow(Access.SITES, At.ANY)
def new_ward() -> ResponseReturnValue:
    given = _given(WARD)
    try:
        must_reach(Access.SITES, "site", given["site"], "site")
        zones = _zones(given["zones"])
        place = given["site"], given["slug"], given["name"]
        if not add_ward(*place, actor(), clock.now(), zones):
            raise Invalid({"slug": "there is such a ward already"})
    except NotFound:
        return _page("ward", given, {"site": "choose one of the hospitals"}), 422
    except Invalid as problem:
        return _page("ward", given, problem.fields), 422
    flash(f"{given['name']} is entered.")
    return redirect(url_for("it.wards"), code=303)


def _given(names: tuple[str, ...]) -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in names}


def _zones(text: str) -> list[tuple[str, str]]:
    """A line each: the code, then the name. Raises Invalid."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        code, _, name = line.strip().partition(" ")
        if not code:
            continue
        if len(code) > 64 or not 1 <= len(name.strip()) <= 128:
            words = f"line {number}: a code of at most 64 characters, a space, then a name"
            raise Invalid({"zones": words})
        found.append((code, name.strip()))
    return found


def _page(
    form: str = "", given: dict[str, str] | None = None, problems: dict[str, str] | None = None
) -> str:
    """`form`: the one that was sent and could not be taken."""
    return render_template(
        "it/wards.html", sites=hospitals(reach()), form=form, given=given or {},
        problems=problems or {},
    )  # fmt: skip
