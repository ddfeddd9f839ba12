"""Tokens for programs: made, shown once, revoked."""

from datetime import UTC, datetime, time

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access, Role
from fleet.services.api_tokens import SCOPES, create_api_token, revoke_api_token
from fleet.services.errors import Invalid
from fleet.store.queries.places import sites, wards
from fleet.store.queries.tokens import tokens as all_tokens
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, it, refused_with_words


@it.get("/tokens")
@allow(Access.PEOPLE)
def tokens() -> ResponseReturnValue:
    return _page()


@it.post("/tokens")
@allow(Access.PEOPLE)
def create_token() -> ResponseReturnValue:
    form = request.form
    try:
        expires_at = _end_of(form.get("expires", ""))
        secret = create_api_token(
            form.get("name", ""),
            form.getlist("scopes"),
            expires_at,
            actor(),
            clock.now(),
            form.get("role", ""),
            form.get("where", ""),
        )
    except Invalid as problem:
        return _page(problems=problem.fields), 422
    # Not redirected: the secret lives in this one answer and nowhere else.
    return _page(secret=secret)


@it.post(f"/tokens/<{KEY}:token_id>/revoke")
@refused_with_words
@allow(Access.PEOPLE)
def revoke_token(token_id: int) -> ResponseReturnValue:
    revoke_api_token(token_id, actor(), clock.now())
    flash("The token is revoked.")
    return redirect(url_for("it.tokens"), code=303)


def _page(secret: str | None = None, problems: dict[str, str] | None = None) -> str:
    return render_template(
        "it/tokens.html",
        now=clock.now(),
        tokens=all_tokens(),
        scopes=SCOPES,
        roles=list(Role),
        sites=sites(),
        wards=wards(),
        secret=secret,
        problems=problems or {},
        given=request.form,
    )


def _end_of(day: str) -> datetime | None:
    if not day:
        return None
    try:
        return datetime.combine(datetime.fromisoformat(day), time.max, UTC)
    except ValueError as error:
        raise Invalid({"expires_at": "a date like 2027-03-31"}) from error
