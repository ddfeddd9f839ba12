"""The filter of the device list, read from an address or from a form."""

from werkzeug.datastructures import MultiDict

from fleet.access import reach
from fleet.domain.access import Access
from fleet.store.queries.devices import DeviceFilter


def device_filter(
    asked: MultiDict[str, str], prefix: str = "", access: Access = Access.READ
) -> DeviceFilter:
    """What cannot be finds nothing, nor does what lies where they have not this permission."""
    return DeviceFilter(
        search=asked.get(f"{prefix}q", "").strip()[:100],
        kind=asked.get(f"{prefix}kind") or None,
        ward=asked.get(f"{prefix}ward") or None,
        availability=asked.get(f"{prefix}availability") or None,
        compliance=asked.get(f"{prefix}compliance") or None,
        identity=asked.get(f"{prefix}identity") or None,
        reach=reach(access),
    )


def address_of(wanted: DeviceFilter) -> dict[str, str]:
    """The filter as it stands in the address, so that a list can be kept as a bookmark."""
    asked = {
        "q": wanted.search,
        "kind": wanted.kind,
        "ward": wanted.ward,
        "availability": wanted.availability,
        "compliance": wanted.compliance,
        "identity": wanted.identity,
    }
    return {name: value for name, value in asked.items() if value}
