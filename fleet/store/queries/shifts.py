"""When shifts start, hospital by hospital and ward by ward."""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import Site, Ward


class WardShifts(NamedTuple):
    """`starts`: None where they are the site's."""

    slug: str
    name: str
    starts: list[str] | None


class SiteShifts(NamedTuple):
    slug: str
    name: str
    timezone: str
    starts: list[str]
    wards: list[WardShifts]


def shifts() -> list[SiteShifts]:
    wards: dict[int, list[WardShifts]] = defaultdict(list)
    query = select(Ward.slug, Ward.name, Ward.shift_starts, Ward.site_id).order_by(Ward.name)
    for row in db.session.execute(query):
        wards[row.site_id].append(WardShifts(*row[:3]))
    sites = select(Site.slug, Site.name, Site.timezone, Site.shift_starts, Site.id)
    rows = db.session.execute(sites.order_by(Site.name))
    return [SiteShifts(*row[:4], wards[row.id]) for row in rows]
