"""The packs of batteries as a table, for whoever plans what to buy."""

from collections.abc import Iterator

from werkzeug.datastructures import MultiDict

from fleet.store.database import db
from fleet.store.queries.batteries import PackKey, PackRow, find_packs
from fleet.web import clock
from fleet.web.pack_filter import pack_filter

AT_ONCE = 2_000
HEADS = (
    "Serial", "Slot", "Asset tag", "Ward", "Model", "Chemistry", "Design mAh", "Cycles", "Health %",
    "Health deviation %", "Health source", "Threshold %", "Falls on", "Falls from", "Falls until",
    "Model known", "Why", "Warranty until", "Warranty claim", "Price", "Currency",
)  # fmt: skip


def packs(args: MultiDict[str, str]) -> Iterator[tuple[object, ...]]:
    today, wanted = clock.today(), pack_filter(args)
    after: PackKey | None = None
    while True:
        page = find_packs(wanted, today, after, AT_ONCE)
        db.session.rollback()
        yield from map(_cells, page.rows)
        if (after := page.after) is None:
            return


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
