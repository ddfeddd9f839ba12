"""When shifts start, hospital by hospital and ward by ward."""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import select

from fleet.domain.access import ALL, Reach
from fleet.store.database import db
from fleet.store.models import Site, Ward
from fleet.store.queries.whereabouts import within


class WardShifts(NamedTuple):
    """`starts`: None where they are the site's."""

    slug: str
    name: str
    starts: list[str] | None


class SiteShifts(NamedTuple):
    """`is_theirs`: the site itself is within the reach that was asked for, not only some wards."""

    slug: str
    name: str
    timezone: str
    starts: list[str]
    wards: list[WardShifts]
    is_theirs: bool


def shifts(reach: Reach = ALL) -> list[SiteShifts]:
    wards: dict[int, list[WardShifts]] = defaultdict(list)
    query = select(Ward.slug, Ward.name, Ward.shift_starts, Ward.site_id).order_by(Ward.name)
    for row in db.session.execute(query.where(within(Ward.id, reach))):
        wards[row.site_id].append(WardShifts(*row[:3]))
    sites = select(Site.slug, Site.name, Site.timezone, Site.shift_starts, Site.id)
    rows = db.session.execute(sites.order_by(Site.name))
    found = [
        SiteShifts(*row[:4], wards[row.id], reach.everything or row.id in reach.sites)
        for row in rows
    ]
    return [site for site in found if site.is_theirs or site.wards]
