"""One pack: its wear, when it falls and why, what is uncertain; when it was bought."""

from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Row

from fleet.access import allow
from fleet.domain.access import Access
from fleet.domain.battery.wear_path import points
from fleet.services.change_pack import set_bought_on
from fleet.services.errors import Invalid
from fleet.store.packed import wear_of
from fleet.store.queries.battery_pack import pack_by_id, packs_of
from fleet.web import clock
from fleet.web.signed_in import actor
from fleet.web.views.console import KEY, it, refused_with_words
from fleet.web.wear_chart import Life, draw


@it.get(f"/batteries/<{KEY}:pack_id>")
@allow(Access.READ)
def battery(pack_id: int) -> ResponseReturnValue:
    today = clock.today()
    pack = pack_by_id(pack_id, today)
    if pack is None:
        abort(404)
    life = _life(pack, today)
    return render_template(
        "it/battery.html",
        today=today,
        pack=pack,
        life=life,
        chart=draw(life) if life.points else None,
        slot=packs_of(pack.device_pk, pack.slot),
    )


@it.post(f"/batteries/<{KEY}:pack_id>/bought")
@refused_with_words
@allow(Access.BATTERIES)
def battery_bought(pack_id: int) -> ResponseReturnValue:
    text = request.form.get("bought_on", "").strip()
    try:
        bought_on = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid({"bought on": "a day like 2027-03-31"}) from error
    set_bought_on(pack_id, bought_on, actor(), clock.now())
    flash("Its warranty counts from that day." if bought_on else "The day is not known any more.")
    return redirect(url_for("it.battery", pack_id=pack_id), code=303)


def _life(pack: Row[*tuple[Any, ...]], today: date) -> Life:
    """Of a pack that was taken out, the life ends there."""
    wear = wear_of([pack.wear])
    end = pack.removed_at.date() if pack.removed_at else today
    forecast = (pack.falls_on, pack.falls_from, pack.falls_until)
    falls_on, falls_from, falls_until = (None,) * 3 if pack.removed_at else forecast
    return Life(
        first=min(pack.first_seen_at.date(), end),
        now=end,
        age_cycles=pack.age_cycles or 0.0,
        cycles_a_day=pack.cycles_a_day or 0.0,
        bin_width=float(wear.width[0]),
        points=points(wear),
        health_pct=pack.health_pct,
        threshold_pct=pack.threshold_pct,
        falls_on=falls_on,
        falls_from=falls_from,
        falls_until=falls_until,
    )
