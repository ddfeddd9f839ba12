"""Where a role holds, as people write it: `everything`, `site:<slug>` or `ward:<slug>`."""

from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.access import Role
from fleet.services.errors import Invalid
from fleet.store.site import Site, Ward

EVERYTHING = "everything"


class Holds(NamedTuple):
    """At most one of them is set."""

    site_id: int | None
    ward_id: int | None


def holds(session: Session, where: str) -> Holds:
    """Raises Invalid, which names the field `where`."""
    if where == EVERYTHING:
        return Holds(None, None)
    scope, _, slug = where.partition(":")
    if scope == "site":
        site_id = session.scalar(select(Site.id).where(Site.slug == slug))
        if site_id is not None:
            return Holds(site_id, None)
    if scope == "ward":
        ward_id = session.scalar(select(Ward.id).where(Ward.slug == slug))
        if ward_id is not None:
            return Holds(None, ward_id)
    raise Invalid({"where": "everything, or a site or ward there is, like ward:icu"})


def role_named(word: str) -> Role:
    """Raises Invalid, which names the field `role`."""
    try:
        return Role(word)
    except ValueError as error:
        raise Invalid({"role": f"one of {', '.join(Role)}"}) from error
