"""How devices come in: from a table, by labels, and approved by IT."""

import segno
from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.invitations import check_authority, invitation
from fleet.services.approve_device import approve_device, refuse_device
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.errors import Conflict, Invalid
from fleet.services.register_csv import COLUMNS, register_csv
from fleet.services.revoke_device import revoke_device
from fleet.store.queries.enrolment import uncertified, waiting
from fleet.store.queries.places import home_timezone, wards
from fleet.web import clock
from fleet.web.labels_pdf import labels_pdf
from fleet.web.signed_in import actor
from fleet.web.views.console import back, it, refused_with_words

MOST_LABELS = 480
"""Twenty sheets."""


@it.get("/enrolment")
@allow(Access.DEVICES)
def enrolment() -> ResponseReturnValue:
    return _page()


@it.post("/enrolment/csv")
@allow(Access.DEVICES)
def register_table() -> ResponseReturnValue:
    """Looked at first (`dry_run`), or entered."""
    text = request.form.get("csv", "")
    if (file := request.files.get("file")) and file.filename:
        text = file.read().decode("utf-8", "replace")
    dry_run = "dry_run" in request.form
    try:
        found = register_csv(text, actor(), clock.now(), dry_run=dry_run)
    except Invalid as problem:
        return _page(text, problem.fields), 422
    if dry_run:
        return _page(text, fine=len(found))
    flash(f"{len(found)} devices are registered.")
    return redirect(url_for("it.enrolment"), code=303)


@it.post("/enrolment/labels")
@refused_with_words
@allow(Access.DEVICES)
def labels() -> ResponseReturnValue:
    """Not redirected: the tokens live in this one answer and nowhere else."""
    check_authority()
    now, ward = clock.now(), request.form.get("ward") or None
    devices = uncertified(now, ward, MOST_LABELS)
    if not devices:
        raise Conflict("every device there has its certificate")
    tickets = make_tokens(devices, "approved" in request.form, actor(), now)
    sheet = labels_pdf([(ticket, invitation(ticket)) for ticket in tickets], home_timezone())
    answer = Response(sheet, mimetype="application/pdf")
    answer.headers["Content-Disposition"] = 'attachment; filename="labels.pdf"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@it.post("/devices/<device_id>/token")
@refused_with_words
@allow(Access.DEVICES)
def device_token(device_id: str) -> ResponseReturnValue:
    check_authority()
    [ticket] = make_tokens([device_id], "approved" in request.form, actor(), clock.now())
    code = str(invitation(ticket))
    qr = segno.make(code, error="m", micro=False).svg_data_uri(scale=4, border=4)
    page = render_template("it/token.html", ticket=ticket, code=code, qr=qr)
    return Response(page, headers={"Cache-Control": "no-store"})


@it.post("/devices/<device_id>/approve")
@refused_with_words
@allow(Access.DEVICES)
def approve(device_id: str) -> ResponseReturnValue:
    approve_device(device_id, actor(), clock.now())
    flash(f"{device_id} is approved: it gets its certificate when it asks again.")
    return back(url_for("it.enrolment"))


@it.post("/devices/<device_id>/refuse")
@refused_with_words
@allow(Access.DEVICES)
def refuse(device_id: str) -> ResponseReturnValue:
    refuse_device(device_id, actor(), clock.now())
    flash(f"{device_id} is refused.")
    return back(url_for("it.enrolment"))


@it.post("/devices/<device_id>/revoke")
@refused_with_words
@allow(Access.DEVICES)
def revoke(device_id: str) -> ResponseReturnValue:
    revoke_device(device_id, actor(), clock.now())
    flash(f"{device_id}: revoked. The broker refuses it, and ends its session within a minute.")
    return redirect(url_for("it.device", device_id=device_id), code=303)


def _page(text: str = "", problems: dict[str, str] | None = None, fine: int | None = None) -> str:
    now = clock.now()
    return render_template(
        "it/enrolment.html",
        now=now,
        waiting=waiting(),
        missing=len(uncertified(now, None, MOST_LABELS + 1)),
        most=MOST_LABELS,
        wards=wards(),
        columns=COLUMNS,
        text=text,
        problems=problems or {},
        fine=fine,
    )
