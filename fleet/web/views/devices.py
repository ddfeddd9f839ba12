"""The device list, and the form by which devices come into it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from fleet.access import At, allow, must_reach, reach
from fleet.domain.access import Access
from fleet.domain.commands import CommandName
from fleet.services.errors import Invalid
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.queries.devices import MOST_COUNTED, count_devices, find_devices
from fleet.store.queries.places import Named, wards
from fleet.web import clock
from fleet.web.device_filter import address_of, device_filter
from fleet.web.signed_in import actor
from fleet.web.views.console import it

FIELDS = ("asset_tag", "kind", "ward", "device_id", "model", "serial")


@it.get("/devices")
@allow(Access.READ, At.ANY)
def devices() -> ResponseReturnValue:
    now, wanted = clock.now(), device_filter(request.args)
    after = request.args.get("after")
    page = find_devices(wanted, now, after)
    is_all = after is None and page.after is None
    count = len(page.rows) if is_all else count_devices(wanted, now)
    return render_template(
        "it/devices.html",
        now=now,
        wanted=wanted,
        page=page,
        count=f"more than {MOST_COUNTED}" if count > MOST_COUNTED else str(count),
        wards=wards(reach()),
        address=address_of(wanted),
        commands=list(CommandName),
    )


@it.get("/register")
@allow(Access.DEVICES, At.ANY)
def register() -> ResponseReturnValue:
    given = {name: request.args.get(name, "") for name in FIELDS}
    return render_template("it/register.html", given=given, problems={}, wards=_wards())


@it.post("/register")
@allow(Access.DEVICES, At.ANY)
def register_device() -> ResponseReturnValue:
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    new = NewDevice(
        asset_tag=given["asset_tag"],
        kind=given["kind"],
        ward_slug=given["ward"],
        device_id=given["device_id"] or None,
        model=given["model"] or None,
        serial=given["serial"] or None,
    )
    try:
        must_reach(Access.DEVICES, "ward", new.ward_slug, "ward")
        [device_id] = register_devices([new], actor(), clock.now())
    except Invalid as problem:
        page = render_template(
            "it/register.html", given=given, problems=problem.fields, wards=_wards()
        )
        return page, 422
    flash(f"{new.asset_tag} is registered.")
    return redirect(url_for("it.device", device_id=device_id), code=303)


def _wards() -> list[Named]:
    """Where they may enter a device."""
    return wards(reach(Access.DEVICES))
