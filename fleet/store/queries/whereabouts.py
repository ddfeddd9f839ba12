"""Where things belong, for who may see them: the place of one object, and what a reach takes in."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, false, func, or_, select, true

from fleet.domain.access import EVERYWHERE, Place, Reach
from fleet.domain.words import Scope
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    Assignment,
    BatteryPack,
    Device,
    FaultReport,
    Kiosk,
    Rollout,
    Site,
    Ward,
)

_PLACE = (Ward.site_id, Ward.id)


def wards_within(reach: Reach) -> Select[int]:
    """The keys of its wards; asked only where it is not everything."""
    inside = or_(Ward.site_id.in_(sorted(reach.sites)), Ward.id.in_(sorted(reach.wards)))
    return select(Ward.id).where(inside)


def within(ward_id: SQLColumnExpression[Any], reach: Reach) -> ColumnElement[bool]:
    """Whether this ward is part of it."""
    return true() if reach.everything else ward_id.in_(wards_within(reach))


def scope_within(
    scope: SQLColumnExpression[str], key: SQLColumnExpression[str], reach: Reach
) -> ColumnElement[bool]:
    """Whether a scope, as assignments and rollouts have it, is part of it. A kind is everywhere."""
    if reach.everything:
        return true()
    wards = wards_within(reach)
    inside = {
        Scope.SITE: select(Site.slug).where(Site.id.in_(sorted(reach.sites))),
        Scope.WARD: select(Ward.slug).where(Ward.id.in_(wards)),
        Scope.DEVICE: select(Device.device_id).where(Device.ward_id.in_(wards)),
    }
    return or_(false(), *((scope == word) & key.in_(keys) for word, keys in inside.items()))


def place_of_ward(slug: str) -> Place | None:
    """None where there is no such ward; and so are the others of their own."""
    return _place(select(*_PLACE).where(Ward.slug == slug))


def sites_of(ward_ids: Collection[int]) -> set[int]:
    """The keys of the hospitals in which these wards are."""
    if not ward_ids:
        return set()
    return set(db.session.scalars(select(Ward.site_id).where(Ward.id.in_(sorted(ward_ids)))))


def place_of_site(slug: str) -> Place | None:
    site_id = db.session.scalar(select(Site.id).where(Site.slug == slug))
    return None if site_id is None else Place(site_id)


def place_of_device(device_id: str) -> Place | None:
    return _place(select(*_PLACE).join(Device).where(Device.device_id == device_id))


def place_of_pack(pack_id: int) -> Place | None:
    of_device = select(*_PLACE).join(Device)
    pack = of_device.join(BatteryPack, BatteryPack.device_pk == Device.id)
    return _place(pack.where(BatteryPack.id == pack_id))


def place_of_alert(alert_id: int) -> Place | None:
    """Of its device, its ward or its site; of a rollout, that of the rollout."""
    ward_id = func.coalesce(Alert.ward_id, Device.ward_id)
    row = db.session.execute(
        select(Alert.rollout_id, func.coalesce(Alert.site_id, Ward.site_id), Ward.id)
        .outerjoin(Device, Device.id == Alert.device_pk)
        .outerjoin(Ward, Ward.id == ward_id)
        .where(Alert.id == alert_id)
    ).first()
    if row is None:
        return None
    return Place(row[1], row[2]) if row[0] is None else place_of_rollout(row[0])


def place_of_rollout(rollout_id: int) -> Place | None:
    row = db.session.get(Rollout, rollout_id)
    return None if row is None else place_of_scope(row.scope, row.scope_key)


def place_of_assignment(assignment_id: int) -> Place | None:
    row = db.session.get(Assignment, assignment_id)
    return None if row is None else place_of_scope(row.scope, row.scope_key)


def place_of_kiosk(kiosk_id: int) -> Place | None:
    return _place(select(*_PLACE).join(Kiosk).where(Kiosk.id == kiosk_id))


def place_of_ticket(ticket_id: int) -> Place | None:
    of_device = select(*_PLACE).join(Device)
    ticket = of_device.join(FaultReport, FaultReport.device_pk == Device.id)
    return _place(ticket.where(FaultReport.id == ticket_id))


def place_of_scope(scope: str, key: str) -> Place | None:
    """A kind is everywhere."""
    places: dict[str, Callable[[str], Place | None]] = {
        Scope.SITE: place_of_site,
        Scope.WARD: place_of_ward,
        Scope.DEVICE: place_of_device,
    }
    return places[scope](key) if scope in places else EVERYWHERE


def _place(query: Select[int, int]) -> Place | None:
    row = db.session.execute(query).first()
    return None if row is None else Place(*row)
