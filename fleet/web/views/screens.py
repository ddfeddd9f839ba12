"""Badges of people, screens of wards, and the codes to stick on carts."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, must_reach, reach
from fleet.domain.access import Access
from fleet.services.badges import give_badge, revoke_badge
from fleet.services.errors import Conflict, Invalid
from fleet.services.kiosks import add_kiosk, revoke_kiosk
from fleet.store.queries.kiosks import badges as all_badges
from fleet.store.queries.kiosks import kiosks, labels_of, usernames
from fleet.store.queries.places import wards
from fleet.web import clock
from fleet.web.at_screen import settings
from fleet.web.cart_labels_pdf import cart_labels_pdf
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, it, refused_with_words

MOST_LABELS = 480
"""Twenty sheets."""


@it.get("/badges")
@allow(Access.DEVICES, At.ANY)
def badges() -> ResponseReturnValue:
    return _page()


@it.post("/badges")
@allow(Access.PEOPLE)
def give() -> ResponseReturnValue:
    form = request.form
    username, pin = form.get("username", ""), form.get("pin", "")
    badge_id = form.get("badge", "").strip()
    try:
        if pin != form.get("again", ""):
            raise Invalid({"again": "is not the same as the PIN"})
        give_badge(username, badge_id, pin, settings().secret_key(), actor(), clock.now())
    except Invalid as problem:
        return _page(problem.fields, username), 422
    except Conflict as problem:
        return _page({"badge": problem.message}, username), 409
    flash(f"{username} has this badge now.")
    return redirect(url_for("it.badges"), code=303)


@it.post(f"/badges/<{KEY}:badge_id>/revoke")
@refused_with_words
@allow(Access.PEOPLE)
def take_badge(badge_id: int) -> ResponseReturnValue:
    revoke_badge(badge_id, actor(), clock.now())
    flash("Revoked.")
    return redirect(url_for("it.badges"), code=303)


@it.post("/screens")
@allow(Access.DEVICES, At.ANY)
def add_screen() -> ResponseReturnValue:
    """Not redirected: the code is shown this once."""
    form = request.form
    try:
        must_reach(Access.DEVICES, "ward", form.get("ward", ""), "ward")
        code = add_kiosk(form.get("ward", ""), form.get("name", ""), actor(), clock.now())
    except Invalid as problem:
        return _page({f"screen_{name}": words for name, words in problem.fields.items()}), 422
    return Response(_page(code=code), headers={"Cache-Control": "no-store"})


@it.post(f"/screens/<{KEY}:kiosk_id>/revoke")
@refused_with_words
@allow(Access.DEVICES)
def revoke_screen(kiosk_id: int) -> ResponseReturnValue:
    revoke_kiosk(kiosk_id, actor(), clock.now())
    flash("Revoked: it shows the board, and nobody can do anything there any more.")
    return redirect(url_for("it.badges"), code=303)


@it.post("/cart-labels")
@refused_with_words
@allow(Access.DEVICES, At.ANY)
def cart_labels() -> ResponseReturnValue:
    """The codes lead to the address under which this page was asked for."""
    theirs = reach(Access.DEVICES)
    found = labels_of(request.form.get("ward") or None, MOST_LABELS, theirs)
    if not found:
        raise Conflict("there are no devices there")
    root = request.url_root.rstrip("/")
    labels = [(label, root + url_for("carts.cart", device_id=label.device_id)) for label in found]
    answer = Response(cart_labels_pdf(labels), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = 'attachment; filename="cart-labels.pdf"'
    return answer


def _page(
    problems: dict[str, str] | None = None, username: str = "", code: str | None = None
) -> str:
    theirs = reach(Access.DEVICES)
    return render_template(
        "it/badges.html", now=clock.now(), badges=all_badges(), screens=kiosks(theirs),
        people=usernames(), wards=wards(theirs), problems=problems or {}, username=username,
        code=code,
    )  # fmt: skip
