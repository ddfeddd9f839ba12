"""When shifts start: of a hospital, and of those of its wards that differ."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.domain.shifts import problem_with
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.services.wards import touch
from fleet.store.database import transaction
from fleet.store.site import Site, Ward


def set_site_shifts(slug: str, starts: Sequence[str], actor: str, now: datetime) -> None:
    """For every ward of it that has no times of its own. Raises NotFound, Invalid."""
    check(starts)
    with transaction() as session:
        site = session.scalar(select(Site).where(Site.slug == slug).with_for_update())
        if site is None:
            raise NotFound(f"no site {slug}")
        followers = select(Ward.id).where(Ward.site_id == site.id, Ward.shift_starts.is_(None))
        wards = session.scalars(followers).all()
        before, site.shift_starts = site.shift_starts, list(starts)
        _note(session, f"site/{slug}", before, site.shift_starts, wards, actor, now)


def set_ward_shifts(slug: str, starts: Sequence[str] | None, actor: str, now: datetime) -> None:
    """None: as its site's. Raises NotFound, Invalid."""
    if starts is not None:
        check(starts)
    with transaction() as session:
        ward = session.scalar(select(Ward).where(Ward.slug == slug).with_for_update())
        if ward is None:
            raise NotFound(f"no ward {slug}")
        before, ward.shift_starts = ward.shift_starts, None if starts is None else list(starts)
        _note(session, f"ward/{slug}", before, ward.shift_starts, [ward.id], actor, now)


def check(starts: Sequence[str]) -> None:
    """Raises Invalid."""
    if problem := problem_with(starts):
        raise Invalid({"shift_starts": problem})


def _note(
    session: Session,
    subject: str,
    before: list[str] | None,
    after: list[str] | None,
    wards: Collection[int],
    actor: str,
    now: datetime,
) -> None:
    """What stays as it was leaves no trace; else the boards of these wards say something new."""
    if before != after:
        pictures = {"shift_starts": before}, {"shift_starts": after}
        audit.record(session, actor, "shifts.change", subject, now, *pictures)
        touch(session, wards)
