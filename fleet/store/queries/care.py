"""What each ward needs while anything is rolled out."""

from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import Site, Ward


class WardCare(NamedTuple):
    slug: str
    name: str
    timezone: str
    windows: list[str]
    min_available: int


def care_of_all_wards() -> list[WardCare]:
    query = (
        select(Ward.slug, Ward.name, Site.timezone, Ward.maintenance_windows, Ward.min_available)
        .join(Site, Site.id == Ward.site_id)
        .order_by(Ward.name)
    )
    return [WardCare(*row) for row in db.session.execute(query)]
