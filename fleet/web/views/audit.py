"""Who did what, searched by who, what, subject and day. Permission: audit."""

from flask import render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.store.queries.audit import find_entries
from fleet.store.queries.places import home_timezone
from fleet.web.audit_changes import audit_filter, changes
from fleet.web.views.console import it, whole

ASKED = ("who", "what", "subject", "from", "to")


@it.get("/audit")
@allow(Access.AUDIT)
def audit() -> ResponseReturnValue:
    wanted = audit_filter(request.args, home_timezone())
    page = find_entries(wanted, whole(request.args, "before", bits=63))
    asked = {name: request.args.get(name, "") for name in ASKED if request.args.get(name)}
    return render_template("it/audit.html", page=page, asked=asked, changes=changes)
