"""Alerts that stand, and the button that says "I am on it"."""

from datetime import timedelta

from flask import flash, render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, reach
from fleet.domain.access import Access
from fleet.services.acknowledge_alert import acknowledge_alert
from fleet.store.queries.alerts import calls_since, find_alerts
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, back, it, refused_with_words, whole

CALLS_COUNT_FOR = timedelta(days=90)
"""So far back is counted which calls to charge were right."""


@it.get("/alerts")
@allow(Access.READ, At.ANY)
def alerts() -> ResponseReturnValue:
    kind, state = request.args.get("kind") or None, request.args.get("state") or None
    page = find_alerts(state, kind, before=whole(request.args, "before"), reach=reach())
    now = clock.now()
    calls = calls_since(now - CALLS_COUNT_FOR, reach())
    return render_template(
        "it/alerts.html", now=now, page=page, kind=kind, state=state, calls=calls
    )


@it.post(f"/alerts/<{KEY}:alert_id>/acknowledge")
@refused_with_words
@allow(Access.ACKNOWLEDGE)
def acknowledge(alert_id: int) -> ResponseReturnValue:
    acknowledge_alert(alert_id, actor(), clock.now(), whole(request.form, "version"))
    flash("Acknowledged.")
    return back("/it/alerts")
