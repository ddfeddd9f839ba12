"""Sites and wards, for choosing from."""

from typing import NamedTuple

from sqlalchemy import select

from fleet.store.database import db
from fleet.store.models import Site, Ward


class Named(NamedTuple):
    slug: str
    name: str


def sites() -> list[Named]:
    query = select(Site.slug, Site.name).order_by(Site.name)
    return [Named(*row) for row in db.session.execute(query)]


def wards() -> list[Named]:
    query = select(Ward.slug, Ward.name).order_by(Ward.name)
    return [Named(*row) for row in db.session.execute(query)]


def ward_names() -> dict[int, str]:
    """By the ward's key."""
    return {row.id: row.name for row in db.session.execute(select(Ward.id, Ward.name))}


def home_timezone() -> str:
    """The first site's: the console shows times in it where no other site is meant."""
    return db.session.scalar(select(Site.timezone).order_by(Site.id).limit(1)) or "UTC"
