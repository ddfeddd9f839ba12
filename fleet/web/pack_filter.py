"""The filter of the list of packs, read from an address."""

from datetime import date

from werkzeug.datastructures import MultiDict

from fleet.store.queries.batteries import Order, PackFilter, Warranty


def pack_filter(asked: MultiDict[str, str]) -> PackFilter:
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


def address_of(wanted: PackFilter) -> dict[str, str]:
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
