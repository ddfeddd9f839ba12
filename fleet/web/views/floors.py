"""Floor plans: shown to everybody, drawn by IT."""

import re

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow
from fleet.domain.access import Access
from fleet.domain.outlines import middle, written
from fleet.services.errors import Invalid, NotFound
from fleet.services.floor_plans import draw_zones, set_neighbours, set_picture
from fleet.store.queries.floor import picture, ward_plan
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.board import board
from fleet.web.views.console import it

ALONE = "default-src 'none'; sandbox"
"""The picture may do nothing, also where somebody opens it by its address alone."""


@board.get("/wards/<slug>/plan/<sha256>")
@allow(Access.OPEN)
def plan(slug: str, sha256: str) -> ResponseReturnValue:
    found = picture(slug)
    if found is None or found.sha256 != sha256:
        abort(404)
    answer = Response(found.picture, mimetype=found.media_type)
    answer.headers["Content-Security-Policy"] = ALONE
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


@board.app_template_filter("middle")
def _middle(outline: list[list[float]]) -> tuple[float, float]:
    return middle(outline)


@it.get("/floors/<slug>")
@allow(Access.WARD, At.WARD)
def floor(slug: str) -> ResponseReturnValue:
    return _page(slug)


@it.post("/floors/<slug>/picture")
@allow(Access.WARD, At.WARD)
def upload(slug: str) -> ResponseReturnValue:
    file = request.files.get("picture")
    try:
        set_picture(slug, file.read() if file else b"", actor(), clock.now())
    except NotFound:
        abort(404)
    except Invalid as problem:
        return _page(slug, problem.fields), 422
    flash("The picture is on the ward's cards.")
    return redirect(url_for("it.floor", slug=slug), code=303)


@it.post("/floors/<slug>/zones")
@allow(Access.WARD, At.WARD)
def zones(slug: str) -> ResponseReturnValue:
    """One field a zone, by its code, after `zone:`."""
    given = {
        name.removeprefix("zone:"): text
        for name, text in request.form.items()
        if name.startswith("zone:")
    }
    try:
        draw_zones(slug, given, actor(), clock.now())
    except NotFound:
        abort(404)
    except Invalid as problem:
        return _page(slug, problem.fields, given), 422
    flash("Saved.")
    return redirect(url_for("it.floor", slug=slug), code=303)


@it.post("/floors/<slug>/neighbours")
@allow(Access.WARD, At.WARD)
def neighbours(slug: str) -> ResponseReturnValue:
    text = request.form.get("neighbours", "")
    try:
        set_neighbours(
            slug, [part for part in re.split(r"[\s,;]+", text) if part], actor(), clock.now()
        )
    except NotFound:
        abort(404)
    except Invalid as problem:
        return _page(slug, problem.fields, near=text), 422
    flash("Saved.")
    return redirect(url_for("it.floor", slug=slug), code=303)


def _page(
    slug: str,
    problems: dict[str, str] | None = None,
    given: dict[str, str] | None = None,
    near: str | None = None,
) -> str:
    found = ward_plan(slug)
    if found is None:
        abort(404)
    texts = {zone.code: written(zone.outline) for zone in found.zones} | (given or {})
    return render_template(
        "it/floor.html", ward=found, texts=texts, problems=problems or {},
        near=" ".join(found.neighbours) if near is None else near,
    )  # fmt: skip
