"""Who did what."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.store.queries.audit import find_entries
from fleet.web import clock
from fleet.web.views.console import it, whole


@it.get("/audit")
@allow(Access.AUDIT)
def audit() -> ResponseReturnValue:
    subject = request.args.get("subject") or None
    page = find_entries(subject, whole(request.args, "before", bits=63))
    return render_template("it/audit.html", now=clock.now(), page=page, subject=subject)
