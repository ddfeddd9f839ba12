"""One search for everything: asset tag, serial, device id, ward, person. Permission: view."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from fleet.store.queries.find import OF_EACH, find
from fleet.web import clock
from fleet.web.views.console import it


@it.get("/search")
def search() -> ResponseReturnValue:
    asked = request.args.get("q", "").strip()[:100]
    found = find(asked, clock.now())
    return render_template("it/search.html", asked=asked, found=found, of_each=OF_EACH)
