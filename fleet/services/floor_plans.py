"""IT says where things are: the picture of a ward, its zones on it, and which wards are near."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from fleet.domain.outlines import read_outline, written
from fleet.services import audit
from fleet.services.errors import Invalid, NotFound
from fleet.services.pictures import harmless
from fleet.services.wards import touch
from fleet.store.database import transaction
from fleet.store.floor import FloorPlan, WardNeighbour
from fleet.store.site import Ward, Zone


def set_picture(ward_slug: str, content: bytes, actor: str, now: datetime) -> None:
    """In the place of the one before. Raises NotFound, Invalid."""
    picture = harmless(content)
    with transaction() as session:
        ward = _ward(session, ward_slug)
        plan = session.get(FloorPlan, ward.id)
        before = {"sha256": plan.sha256} if plan else None
        if plan is None:
            plan = FloorPlan(ward_id=ward.id)
            session.add(plan)
        plan.media_type, plan.picture = picture.media_type, picture.content
        plan.width, plan.height = picture.width, picture.height
        plan.sha256 = hashlib.sha256(picture.content).hexdigest()
        plan.set_at, plan.set_by = now, actor
        after = {"sha256": plan.sha256, "media_type": plan.media_type}
        audit.record(session, actor, "floor.picture", f"ward/{ward_slug}", now, before, after)
        touch(session, {ward.id})


def draw_zones(ward_slug: str, outlines: Mapping[str, str], actor: str, now: datetime) -> None:
    """`outlines`: by the zone's code, as people write them; empty: not drawn.

    Raises NotFound, or Invalid naming the zone.
    """
    found, problems = {}, {}
    for code, text in outlines.items():
        try:
            found[code] = read_outline(text)
        except ValueError as problem:
            problems[code] = str(problem)
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        ward = _ward(session, ward_slug)
        zones = session.scalars(
            select(Zone).where(Zone.ward_id == ward.id, Zone.code.in_(found)).with_for_update()
        ).all()
        if strangers := found.keys() - {zone.code for zone in zones}:
            raise NotFound(f"no zone {', '.join(sorted(strangers))} in {ward_slug}")
        changed = [zone for zone in zones if zone.outline != found[zone.code]]
        before = {zone.code: written(zone.outline) for zone in changed}
        for zone in changed:
            zone.outline = found[zone.code]
        if changed:
            after = {zone.code: written(zone.outline) for zone in changed}
            audit.record(session, actor, "floor.zones", f"ward/{ward_slug}", now, before, after)
            touch(session, {ward.id})


def set_neighbours(ward_slug: str, slugs: Sequence[str], actor: str, now: datetime) -> None:
    """The nearest first; of the same hospital. Raises NotFound, Invalid."""
    with transaction() as session:
        ward = _ward(session, ward_slug)
        others = select(Ward.slug, Ward.id).where(Ward.site_id == ward.site_id, Ward.id != ward.id)
        known = {row.slug: row.id for row in session.execute(others)}
        if strangers := [slug for slug in slugs if slug not in known]:
            some = ", ".join(sorted(known)[:6]) or "none"
            words = f"{', '.join(strangers)}: not another ward of this hospital; there are {some}"
            raise Invalid({"neighbours": words})
        if len(set(slugs)) < len(slugs):
            raise Invalid({"neighbours": "each ward once"})
        names = {pk: slug for slug, pk in known.items()}
        mine = select(WardNeighbour).where(WardNeighbour.ward_id == ward.id)
        before = [names[near.neighbour_id] for near in session.scalars(
            mine.order_by(WardNeighbour.place)
        )]  # fmt: skip
        if before == list(slugs):
            return
        session.execute(delete(WardNeighbour).where(WardNeighbour.ward_id == ward.id))
        session.add_all(
            WardNeighbour(ward_id=ward.id, neighbour_id=known[slug], place=place)
            for place, slug in enumerate(slugs, 1)
        )
        pictures = {"neighbours": before}, {"neighbours": list(slugs)}
        audit.record(session, actor, "ward.neighbours", f"ward/{ward_slug}", now, *pictures)
        touch(session, {ward.id})


def _ward(session: Session, slug: str) -> Ward:
    ward = session.scalar(select(Ward).where(Ward.slug == slug).with_for_update())
    if ward is None:
        raise NotFound(f"no ward {slug}")
    return ward
