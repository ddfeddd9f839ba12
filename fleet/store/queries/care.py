"""What each ward needs while anything is rolled out."""

from typing import NamedTuple

from sqlalchemy import select

from fleet.domain.access import ALL, Reach
from fleet.store.database import db
from fleet.store.models import Site, Ward
from fleet.store.queries.whereabouts import within


class WardCare(NamedTuple):
    slug: str
    name: str
    timezone: str
    windows: list[str]
    min_available: int


def care_of_all_wards(reach: Reach = ALL) -> list[WardCare]:
    query = (
        select(Ward.slug, Ward.name, Site.timezone, Ward.maintenance_windows, Ward.min_available)
        .join(Site, Site.id == Ward.site_id)
        .where(within(Ward.id, reach))
        .order_by(Ward.name)
    )
    return [WardCare(*row) for row in db.session.execute(query)]
