"""Sites, wards and zones are entered; entering one that is there already changes nothing."""

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select

from fleet.domain.shifts import STARTS, problem_with
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.store.database import transaction
from fleet.store.site import Site, Ward, Zone

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def add_site(
    slug: str,
    name: str,
    timezone: str,
    actor: str,
    now: datetime,
    shift_starts: Sequence[str] = STARTS,
) -> bool:
    """False if it was there. Raises Invalid for a value that will not do."""
    problems = _name_problems(slug, name)
    if problem := problem_with(shift_starts):
        problems["shift_starts"] = problem
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: "Europe" is a directory
        problems["timezone"] = "an IANA name, like Europe/Berlin"
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        is_new = session.scalar(select(Site.id).where(Site.slug == slug)) is None
        if is_new:
            starts = list(shift_starts)
            session.add(Site(slug=slug, name=name, timezone=timezone, shift_starts=starts))
            audit.record(session, actor, "site.add", f"site/{slug}", now, after={"name": name})
    return is_new


def add_ward(
    site_slug: str,
    slug: str,
    name: str,
    actor: str,
    now: datetime,
    zones: Sequence[tuple[str, str]] = (),
) -> bool:
    """False if it was there. `zones`: (code as devices report it, name as people say it).

    Raises Invalid, NotFound.
    """
    problems = _name_problems(slug, name)
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        site_id = session.scalar(select(Site.id).where(Site.slug == site_slug))
        if site_id is None:
            raise NotFound(f"no site {site_slug}")
        ward = session.scalar(select(Ward).where(Ward.slug == slug))
        is_new = ward is None
        if ward is None:
            ward = Ward(site_id=site_id, slug=slug, name=name)
            session.add(ward)
            session.flush()
            audit.record(session, actor, "ward.add", f"ward/{slug}", now, after={"name": name})
        known = set(session.scalars(select(Zone.code).where(Zone.code.in_(c for c, _ in zones))))
        session.add_all(
            Zone(ward_id=ward.id, code=code, name=zone_name)
            for code, zone_name in zones
            if code not in known
        )
    return is_new


def _name_problems(slug: str, name: str) -> dict[str, str]:
    problems = {}
    if not _SLUG.fullmatch(slug):
        problems["slug"] = "1 to 63 of a-z, 0-9 and -"
    if not 1 <= len(name) <= 128:
        problems["name"] = "1 to 128 characters"
    return problems
