"""Anything by the beginning of its name: devices, wards, people."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Identity
from fleet.store.database import db
from fleet.store.models import Site, User, Ward
from fleet.store.queries.devices import DeviceFilter, DeviceRow, find_devices
from fleet.store.queries.search import words_of
from fleet.store.queries.whereabouts import within

OF_EACH = 8


class FoundWard(NamedTuple):
    slug: str
    name: str
    site: str


class Findings(NamedTuple):
    devices: list[DeviceRow]
    wards: list[FoundWard]
    people: list[str]
    """By their names, signed in with."""

    @property
    def number(self) -> int:
        return len(self.devices) + len(self.wards) + len(self.people)


def find(search: str, now: datetime, reach: Reach = ALL, *, people: bool = True) -> Findings:
    """At most OF_EACH of a kind; nothing for a search without a word. `people`: look for them."""
    words = words_of(search)
    if not words:
        return Findings([], [], [])
    return Findings(
        _devices(search, now, reach), _wards(words, reach), _people(words) if people else []
    )


def _devices(search: str, now: datetime, reach: Reach) -> list[DeviceRow]:
    """Those that have left come in only where no other fits."""
    found = find_devices(DeviceFilter(search, reach=reach), now, limit=OF_EACH).rows
    left = DeviceFilter(search, identity=Identity.DECOMMISSIONED, reach=reach)
    return found or find_devices(left, now, limit=OF_EACH).rows


def _wards(words: list[str], reach: Reach) -> list[FoundWard]:
    """Every word begins one of the ward's or of its site's. Some hundred rows, read as they are."""
    query = select(Ward.slug, Ward.name, Site.name).join(Site).order_by(Ward.name).limit(OF_EACH)
    query = query.where(within(Ward.id, reach))
    for word in words:
        starts = []
        for name in (Ward.slug, Ward.name, Site.name):
            lower = func.lower(name)
            starts += [lower.startswith(word, autoescape=True)]
            starts += [lower.contains(f"{mark}{word}", autoescape=True) for mark in " -/"]
        query = query.where(or_(*starts))
    return [FoundWard(*row) for row in db.session.execute(query)]


def _people(words: list[str]) -> list[str]:
    query = select(User.username).order_by(User.username).limit(OF_EACH)
    for word in words:
        query = query.where(func.lower(User.username).startswith(word, autoescape=True))
    return list(db.session.scalars(query))
