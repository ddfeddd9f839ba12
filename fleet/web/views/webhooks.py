"""Other systems that hear of alerts and tickets: added, tried, looked at, removed."""

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.domain.webhooks.events import EVENTS
from fleet.services.errors import Invalid
from fleet.services.webhooks import add, steer
from fleet.store.queries.places import sites
from fleet.store.queries.webhooks import WebhookRow, find_deliveries
from fleet.store.queries.webhooks import webhooks as all_webhooks
from fleet.web import clock
from fleet.web.at_screen import settings
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, it, refused_with_words, whole

STEPS = {
    "test": (steer.send_test, "A test is on its way: load this page again in a moment."),
    "again": (steer.send_again, "They are sent again, for another day."),
    "let-be": (steer.let_be, "They are let be."),
}


@it.get("/webhooks")
@allow(Access.SITES)
def webhooks() -> ResponseReturnValue:
    return _list()


@it.post("/webhooks")
@allow(Access.SITES)
def add_webhook() -> ResponseReturnValue:
    form = request.form
    wanted = add.Wanted(
        form.get("name", ""), form.get("url", "").strip(), form.getlist("events"),
        form.getlist("sites"),
    )  # fmt: skip
    here = add.Here(settings().secret_key(), settings().webhook_hosts, request.url_root)
    try:
        webhook_id, secret = add.add_webhook(wanted, here, actor(), clock.now())
    except Invalid as problem:
        return _list(problem.fields), 422
    return _shown_once(webhook_id, secret)


@it.get(f"/webhooks/<{KEY}:webhook_id>")
@allow(Access.SITES)
def webhook(webhook_id: int) -> ResponseReturnValue:
    return _one(webhook_id)


@it.post(f"/webhooks/<{KEY}:webhook_id>/secret")
@refused_with_words
@allow(Access.SITES)
def renew_webhook_secret(webhook_id: int) -> ResponseReturnValue:
    secret = add.renew_secret(webhook_id, settings().secret_key(), actor(), clock.now())
    return _shown_once(webhook_id, secret)


@it.post(f"/webhooks/<{KEY}:webhook_id>/remove")
@refused_with_words
@allow(Access.SITES)
def remove_webhook(webhook_id: int) -> ResponseReturnValue:
    add.remove_webhook(webhook_id, actor(), clock.now())
    flash("Removed. It hears of nothing any more.")
    return redirect(url_for("it.webhooks"), code=303)


@it.post(f"/webhooks/<{KEY}:webhook_id>/<step>")
@refused_with_words
@allow(Access.SITES)
def steer_webhook(webhook_id: int, step: str) -> ResponseReturnValue:
    if step not in STEPS:
        abort(404)
    change, words = STEPS[step]
    change(webhook_id, actor(), clock.now())
    flash(words)
    return redirect(url_for("it.webhook", webhook_id=webhook_id), code=303)


def _list(problems: dict[str, str] | None = None) -> str:
    return render_template(
        "it/webhooks.html", now=clock.now(), webhooks=all_webhooks(), events=EVENTS,
        sites=sites(), problems=problems or {}, given=request.form,
    )  # fmt: skip


def _one(webhook_id: int, secret: str | None = None) -> str:
    found: list[WebhookRow] = all_webhooks(webhook_id)
    if not found:
        abort(404)
    page = find_deliveries(webhook_id, whole(request.args, "before"))
    return render_template(
        "it/webhook.html", now=clock.now(), hook=found[0], page=page, secret=secret,
    )  # fmt: skip


def _shown_once(webhook_id: int, secret: str) -> Response:
    """Not redirected: the secret is in this one answer and nowhere else."""
    return Response(_one(webhook_id, secret), headers={"Cache-Control": "no-store"})
