"""Sites, and wards with how many devices of each availability they have: page by page."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.words import Availability, Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, DeviceState, Site, Ward
from fleet.store.queries.as_of import availability_at


class SiteRow(NamedTuple):
    slug: str
    name: str
    timezone: str
    shift_starts: list[str]


class SitePage(NamedTuple):
    rows: list[SiteRow]
    after: str | None


class WardRow(NamedTuple):
    """`counts`: devices of one kind by availability, with a number for every word.

    `shift_starts`: None where they are the site's.
    """

    slug: str
    name: str
    site: str
    shift_starts: list[str] | None
    counts: Mapping[str, int]


class WardPage(NamedTuple):
    rows: list[WardRow]
    after: str | None


_SITES = select(Site.slug, Site.name, Site.timezone, Site.shift_starts)
_WARDS = select(Ward.id, Ward.slug, Ward.name, Site.slug.label("site"), Ward.shift_starts).join(
    Site
)


def find_sites(after: str | None = None, limit: int = 100) -> SitePage:
    query = _SITES.order_by(Site.slug).limit(limit + 1)
    if after is not None:
        query = query.where(Site.slug > after)
    rows = [SiteRow(*row) for row in db.session.execute(query)]
    return SitePage(rows[:limit], rows[limit - 1].slug if len(rows) > limit else None)


def site_row(slug: str) -> SiteRow | None:
    row = db.session.execute(_SITES.where(Site.slug == slug)).first()
    return SiteRow(*row) if row else None


def find_wards(
    now: datetime, kind: str, site: str | None = None, after: str | None = None, limit: int = 100
) -> WardPage:
    query = _WARDS.order_by(Ward.slug).limit(limit + 1)
    if site is not None:
        query = query.where(Site.slug == site)
    if after is not None:
        query = query.where(Ward.slug > after)
    found = db.session.execute(query).all()
    counts = _counts([ward.id for ward in found[:limit]], now, kind)
    rows = [WardRow(*w[1:], counts=counts[w.id]) for w in found[:limit]]
    return WardPage(rows, rows[-1].slug if len(found) > limit else None)


def ward_row(slug: str, now: datetime, kind: str) -> WardRow | None:
    ward = db.session.execute(_WARDS.where(Ward.slug == slug)).first()
    if ward is None:
        return None
    return WardRow(*ward[1:], counts=_counts([ward.id], now, kind)[ward.id])


def _counts(ward_ids: Collection[int], now: datetime, kind: str) -> dict[int, dict[str, int]]:
    word = availability_at(now).label("word")
    query = (
        select(Device.ward_id, word, func.count())
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(
            Device.ward_id.in_(ward_ids),
            Device.kind == kind,
            Device.lifecycle == Lifecycle.ENROLLED,
        )
        .group_by(Device.ward_id, word)
    )
    found: dict[int, dict[str, int]] = defaultdict(lambda: {str(name): 0 for name in Availability})
    for ward_id, name, devices in db.session.execute(query):
        found[ward_id][name] = devices
    return found
