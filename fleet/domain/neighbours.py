"""Where to look when a ward has nothing to take: other wards, the nearest first."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_FAR = 1_000


class Other(NamedTuple):
    """Another ward of the same hospital. `free`: carts to take now; `least`: those it must keep."""

    id: int
    slug: str
    name: str
    free: int
    least: int

    @property
    def spare(self) -> int:
        return max(self.free - self.least, 0)


class Lender(NamedTuple):
    """`is_set`: near because IT has said so, not by its name alone."""

    ward: Other
    is_set: bool


def nearest_lender(name: str, others: Iterable[Other], places: Mapping[int, int]) -> Lender | None:
    """The nearest that can spare one. `places`: by ward, the order that IT has set, 1 the nearest.

    Those first; then by floor, which is the first number in a ward's name, and by name.
    """
    able = [other for other in others if other.spare]
    if not able:
        return None

    def distance(other: Other) -> tuple[int, int, str]:
        return places.get(other.id, _FAR), _floors_between(name, other.name), other.name

    nearest = min(able, key=distance)
    return Lender(nearest, nearest.id in places)


def _floors_between(one: str, other: str) -> int:
    here, there = _floor(one), _floor(other)
    return _FAR if here is None or there is None else abs(here - there)


def _floor(name: str) -> int | None:
    found = re.search(r"[0-9]{1,3}", name)
    return int(found[0]) if found else None
