"""Filters that people keep, each for themselves."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.services.saved_filters import forget_filter, save_filter
from fleet.store.queries.tasks import filters_of
from fleet.web import clock
from fleet.web.signed_in import actor, current_user
from fleet.web.views.console import KEY, it, refused_with_words

PAGES = ("alerts", "audit", "batteries", "devices", "quarantine", "rollouts", "tasks")
PLACES = frozenset(("before", "after"))
"""Where in a list somebody is; no part of its filter. Of the batteries, `before` is a day."""


@it.context_processor
def tools() -> dict[str, Any]:
    return {
        "list_filter": list_filter,
        "list_address": lambda page: url_for(f"it.{page}"),
        "kept_filters": lambda page: filters_of(_username(), page),
    }


def list_filter() -> str:
    """What the list on this page is narrowed to, as it stands in the address."""
    places = PLACES if request.endpoint != "it.batteries" else PLACES - {"before"}
    return urlencode([(k, v) for k, v in request.args.items(multi=True) if k not in places and v])


@it.post("/filters")
@refused_with_words
@allow(Access.OWN)
def keep_filter() -> ResponseReturnValue:
    page = request.form.get("page", "")
    if page not in PAGES:
        abort(404)
    query = urlencode(parse_qsl(request.form.get("query", "")))
    name = request.form.get("name", "")
    save_filter(_username(), page, name, query, actor(), clock.now())
    flash(f"The filter is kept as {name.strip()}.")
    return redirect(f"{url_for(f'it.{page}')}{f'?{query}' if query else ''}", code=303)


@it.post(f"/filters/<{KEY}:filter_id>/remove")
@refused_with_words
@allow(Access.OWN)
def remove_filter(filter_id: int) -> ResponseReturnValue:
    page = forget_filter(filter_id, _username(), actor(), clock.now())
    flash("The filter is removed.")
    return redirect(url_for(f"it.{page}"), code=303)


def _username() -> str:
    user = current_user()
    if user is None:
        abort(401)
    return user.username
