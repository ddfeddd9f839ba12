"""The packs of the fleet: how healthy, what falls when, what to buy; the list, as a file too."""

from collections.abc import Callable, Iterator
from datetime import date

from flask import Response, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from fleet.access import allow
from fleet.domain.access import Access
from fleet.domain.battery.quarters import Quarter
from fleet.domain.words import Chemistry
from fleet.store.queries import battery_totals
from fleet.store.queries.batteries import (
    MOST_COUNTED,
    Order,
    PackFilter,
    PackKey,
    PackRow,
    Warranty,
    count_packs,
    find_packs,
)
from fleet.store.queries.battery_models import find_models, model_names
from fleet.store.queries.battery_totals import Due
from fleet.store.queries.places import sites, ward_names, wards
from fleet.web import clock, csv_file
from fleet.web.health_histogram import histogram
from fleet.web.purchase_pdf import Purchase, purchase_pdf
from fleet.web.purchasing import Models, needs, total
from fleet.web.views.console import it

MOST_MODELS = 1_000
ROWS_AT_ONCE = 2_000
"""Of a file: each such part is a statement of its own, so that a slow reader holds nothing."""
MOST_CLAIMS = 200
"""In the purchase list; the CSV has all."""
BY = ("model", "chemistry", "ward")
HEADS = (
    "Serial", "Slot", "Asset tag", "Ward", "Model", "Chemistry", "Design mAh", "Cycles", "Health %",
    "Health deviation %", "Health source", "Threshold %", "Falls on", "Falls from", "Falls until",
    "Model known", "Why", "Warranty until", "Warranty claim", "Price", "Currency",
)  # fmt: skip


@it.get("/batteries")
@allow(Access.READ)
def batteries() -> ResponseReturnValue:
    today, wanted = clock.today(), _filter(request.args)
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
        address=_address(wanted),
    )


@it.get("/batteries.csv")
@allow(Access.READ)
def batteries_csv() -> ResponseReturnValue:
    today, wanted = clock.today(), _filter(request.args)
    lines = csv_file.lines(_table(wanted, today))
    answer = Response(stream_with_context(lines), mimetype="text/csv")
    return _as_file(answer, f"batteries-{today}.csv")


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
    return _as_file(answer, f"batteries-{today}.pdf")


def _as_file(answer: Response, name: str) -> Response:
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _table(wanted: PackFilter, today: date) -> Iterator[tuple[object, ...]]:
    yield HEADS
    after: PackKey | None = None
    while True:
        page = find_packs(wanted, today, after, ROWS_AT_ONCE)
        yield from map(_cells, page.rows)
        if page.after is None:
            return
        after = page.after


def _cells(row: PackRow) -> tuple[object, ...]:
    return (
        row.serial, row.slot, row.asset_tag, row.ward_name, row.model, row.chemistry,
        row.design_mah, _rounded(row.age_cycles), _rounded(row.health_pct),
        _rounded(row.health_deviation_pct), row.health_source, _rounded(row.threshold_pct),
        row.falls_on, row.falls_from, row.falls_until, _yes(row.model_known), row.why,
        row.warranty_until, _yes(row.is_claim),
        None if row.price_cents is None else f"{row.price_cents / 100:.2f}", row.currency,
    )  # fmt: skip


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _yes(value: bool | None) -> str | None:
    return None if value is None else "yes" if value else "no"


def _models() -> Models:
    return {row.model: row for row in find_models(limit=MOST_MODELS).rows}


def _key(by: str) -> Callable[[Due], str | None]:
    if by == "ward":
        names = ward_names()
        return lambda due: names.get(due.ward_id)
    if by == "chemistry":
        return lambda due: due.chemistry
    return lambda due: due.model


def _filter(asked: MultiDict[str, str]) -> PackFilter:
    """What cannot be is asked for by nobody: it counts as not said."""
    warranty, order = asked.get("warranty"), asked.get("order")
    return PackFilter(
        search=asked.get("q", "").strip()[:100],
        model=asked.get("model") or None,
        chemistry=asked.get("chemistry") or None,
        ward=asked.get("ward") or None,
        falls_before=_day(asked.get("before", "")),
        warranty=Warranty(warranty) if warranty in set(Warranty) else None,
        order=Order(order) if order in set(Order) else Order.FALLS,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _address(wanted: PackFilter) -> dict[str, str]:
    """The filter as it stands in the address, so that a list can be kept as a bookmark."""
    asked = {
        "q": wanted.search,
        "model": wanted.model,
        "chemistry": wanted.chemistry,
        "ward": wanted.ward,
        "before": wanted.falls_before and wanted.falls_before.isoformat(),
        "warranty": wanted.warranty,
        "order": None if wanted.order == Order.FALLS else wanted.order,
    }
    return {name: value for name, value in asked.items() if value}
