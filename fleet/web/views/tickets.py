"""What wards have reported broken, and the button that says it is fixed."""

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.domain.holding import FAULTS
from fleet.services.fix_fault import fix_fault
from fleet.store.queries.tickets import find_tickets, overdue
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, back, it, refused_with_words, whole

STATES = ("open", "fixed", "withdrawn")


@it.get("/tickets")
@allow(Access.READ, At.ANY)
def tickets() -> ResponseReturnValue:
    state = request.args.get("state", "open")
    state = state if state in STATES else "open"
    now = clock.now()
    page = find_tickets(state, whole(request.args, "before"), reach=reach())
    return render_template(
        "it/tickets.html", now=now, page=page, state=state, states=STATES, faults=FAULTS,
        overdue=overdue(now, reach()),
    )  # fmt: skip


@it.post(f"/tickets/<{KEY}:ticket_id>/fixed")
@refused_with_words
@allow(Access.DEVICES)
def fixed(ticket_id: int) -> ResponseReturnValue:
    fix_fault(ticket_id, actor(), clock.now(), request.form.get("note", "").strip())
    flash("Fixed. The ward's board says so, and the device can be taken again.")
    return back("/it/tickets")
