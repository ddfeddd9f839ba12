"""One search for everything: asset tag, serial, device id, ward, person."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, may, reach
from fleet.domain.access import Access
from fleet.store.queries.find import OF_EACH, find
from fleet.web import clock
from fleet.web.views.console import it


@it.get("/search")
@allow(Access.READ, At.ANY)
def search() -> ResponseReturnValue:
    asked = request.args.get("q", "").strip()[:100]
    found = find(asked, clock.now(), reach(), people=may(Access.PEOPLE, None))
    return render_template("it/search.html", asked=asked, found=found, of_each=OF_EACH)
