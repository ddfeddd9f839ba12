"""Hospitals with their wards, as IT looks after them."""

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, FloorPlan, Site, Ward
from fleet.store.queries.whereabouts import within


class WardLine(NamedTuple):
    """`devices`: enrolled ones at home there, of every kind."""

    slug: str
    name: str
    devices: int
    min_available: int
    has_plan: bool


class SiteLines(NamedTuple):
    """`is_theirs`: the site itself is within the reach that was asked for, not only some wards."""

    slug: str
    name: str
    timezone: str
    wards: list[WardLine]
    is_theirs: bool


def hospitals(reach: Reach = ALL) -> list[SiteLines]:
    """By name, and so are the wards of each."""
    at_home = (
        select(func.count(Device.id))
        .where(Device.ward_id == Ward.id, Device.lifecycle == Lifecycle.ENROLLED)
        .scalar_subquery()
    )
    query = (
        select(
            Ward.site_id, Ward.slug, Ward.name, at_home, Ward.min_available,
            FloorPlan.ward_id.is_not(None),
        )
        .outerjoin(FloorPlan, FloorPlan.ward_id == Ward.id)
        .where(within(Ward.id, reach))
        .order_by(Ward.name)
    )  # fmt: skip
    wards: dict[int, list[WardLine]] = defaultdict(list)
    for row in db.session.execute(query):
        wards[row.site_id].append(WardLine(*row[1:]))
    sites = select(Site.id, Site.slug, Site.name, Site.timezone).order_by(Site.name)
    found = [
        SiteLines(*row[1:], wards[row.id], reach.everything or row.id in reach.sites)
        for row in db.session.execute(sites)
    ]
    return [site for site in found if site.is_theirs or site.wards]
