"""The packs of the fleet: how healthy, what falls when, what to buy."""

from collections.abc import Callable

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from fleet.access import allow
from fleet.domain.access import Access
from fleet.domain.battery.quarters import Quarter
from fleet.domain.words import Chemistry
from fleet.store.queries import battery_totals
from fleet.store.queries.batteries import (
    MOST_COUNTED,
    PackFilter,
    PackKey,
    Warranty,
    count_packs,
    find_packs,
)
from fleet.store.queries.battery_models import find_models, model_names
from fleet.store.queries.battery_totals import Due
from fleet.store.queries.places import sites, ward_names, wards
from fleet.web import clock
from fleet.web.health_histogram import histogram
from fleet.web.pack_filter import address_of, pack_filter
from fleet.web.purchase_pdf import Purchase, purchase_pdf
from fleet.web.purchasing import Models, needs, total
from fleet.web.views.console import it

MOST_MODELS = 1_000
MOST_CLAIMS = 200
"""In the purchase list; the CSV has all."""
BY = ("model", "chemistry", "ward")


@it.get("/batteries")
@allow(Access.READ)
def batteries() -> ResponseReturnValue:
    today, wanted = clock.today(), pack_filter(request.args)
    after = PackKey.parse(request.args.get("after", ""), wanted.order)
    count = count_packs(wanted, today)
    health = battery_totals.health_of_fleet()
    dues, models = battery_totals.due_packs(today), _models()
    by = request.args.get("by", BY[0])
    return render_template(
        "it/batteries.html",
        today=today,
        quarter=Quarter.of(today).following,
        health=health,
        histogram=histogram(health),
        by=by if by in BY else BY[0],
        needs=needs(dues, models, _key(by)),
        whole=total(dues, models),
        wanted=wanted,
        page=find_packs(wanted, today, after),
        count=f"more than {MOST_COUNTED}" if count > MOST_COUNTED else str(count),
        models=model_names(),
        chemistries=list(Chemistry),
        wards=wards(),
        address=address_of(wanted),
    )


@it.get("/batteries.pdf")
@allow(Access.READ)
def batteries_pdf() -> ResponseReturnValue:
    """What to order by the end of the next quarter."""
    today = clock.today()
    dues, models = battery_totals.due_packs(today), _models()
    _, end, _ = battery_totals.quarters_from(today)
    claims = PackFilter(warranty=Warranty.CLAIM, falls_before=end)
    purchase = Purchase(
        hospital=", ".join(site.name for site in sites()),
        today=today,
        quarter=Quarter.of(today).following,
        needs=[need for need in needs(dues, models, _key("model")) if need.order.most],
        whole=total(dues, models),
        wards=ward_names(),
        claims=find_packs(claims, today, limit=MOST_CLAIMS).rows,
    )
    answer = Response(purchase_pdf(purchase), mimetype="application/pdf")
    answer.headers["Content-Disposition"] = f'attachment; filename="batteries-{today}.pdf"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _models() -> Models:
    return {row.model: row for row in find_models(limit=MOST_MODELS).rows}


def _key(by: str) -> Callable[[Due], str | None]:
    if by == "ward":
        names = ward_names()
        return lambda due: names.get(due.ward_id)
    if by == "chemistry":
        return lambda due: due.chemistry
    return lambda due: due.model
