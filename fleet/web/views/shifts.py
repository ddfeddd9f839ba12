"""When shifts start: of each hospital, and of the wards that differ."""

import re

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.services.errors import Invalid, NotFound
from fleet.services.shifts import set_site_shifts, set_ward_shifts
from fleet.store.queries.shifts import shifts as all_shifts
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import it


@it.get("/shifts")
@allow(Access.WARD, At.ANY)
def shifts() -> ResponseReturnValue:
    return render_template("it/shifts.html", sites=all_shifts(reach(Access.WARD)), wrong=None)


@it.post("/shifts/<any(site, ward):scope>/<slug>")
@allow(Access.WARD, At.SCOPE)
def change_shifts(scope: str, slug: str) -> ResponseReturnValue:
    """`starts`: times with anything but digits and colons between; none at a ward: its site's."""
    given = request.form.get("starts", "").strip()
    starts = re.split(r"[\s,;]+", given) if given else []
    try:
        if scope == "site":
            set_site_shifts(slug, starts, actor(), clock.now())
        else:
            set_ward_shifts(slug, starts or None, actor(), clock.now())
    except NotFound:
        abort(404)
    except Invalid as problem:
        wrong = {"subject": f"{scope}/{slug}", "given": given, **problem.fields}
        return render_template(
            "it/shifts.html", sites=all_shifts(reach(Access.WARD)), wrong=wrong
        ), 422
    flash("Saved.")
    return redirect(url_for("it.shifts"), code=303)
