"""Sites and wards, for choosing from."""

from typing import NamedTuple

from sqlalchemy import select

from fleet.domain.access import ALL, Reach
from fleet.store.database import db
from fleet.store.models import Site, Ward
from fleet.store.queries.whereabouts import within


class Named(NamedTuple):
    slug: str
    name: str


def sites(reach: Reach = ALL) -> list[Named]:
    query = select(Site.slug, Site.name).order_by(Site.name)
    if not reach.everything:
        query = query.where(Site.id.in_(sorted(reach.sites)))
    return [Named(*row) for row in db.session.execute(query)]


def wards(reach: Reach = ALL) -> list[Named]:
    query = select(Ward.slug, Ward.name).where(within(Ward.id, reach)).order_by(Ward.name)
    return [Named(*row) for row in db.session.execute(query)]


def ward_names() -> dict[int, str]:
    """By the ward's key."""
    return {row.id: row.name for row in db.session.execute(select(Ward.id, Ward.name))}


def home_timezone() -> str:
    """The first site's: the console shows times in it where no other site is meant."""
    return db.session.scalar(select(Site.timezone).order_by(Site.id).limit(1)) or "UTC"
