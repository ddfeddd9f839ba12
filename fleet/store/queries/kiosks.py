"""Screens and badges, for who asks and for IT's pages."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Badge, Device, Kiosk, User, Ward
from fleet.store.queries.whereabouts import within


class KioskRow(NamedTuple):
    id: int
    name: str
    ward_name: str
    made_at: datetime
    made_by: str
    registered_at: datetime | None
    revoked_at: datetime | None


class BadgeRow(NamedTuple):
    id: int
    username: str
    has_pin: bool
    made_at: datetime
    made_by: str


def kiosk_by_token(token: str) -> Kiosk | None:
    digest = hashlib.sha256(token.encode()).hexdigest()
    query = select(Kiosk).where(Kiosk.token_hash == digest, Kiosk.revoked_at.is_(None))
    return db.session.scalar(query)


def kiosks(reach: Reach = ALL) -> list[KioskRow]:
    """Those that stand."""
    query = (
        select(
            Kiosk.id, Kiosk.name, Ward.name, Kiosk.made_at, Kiosk.made_by, Kiosk.registered_at,
            Kiosk.revoked_at,
        )
        .join(Ward, Ward.id == Kiosk.ward_id)
        .where(Kiosk.revoked_at.is_(None), within(Kiosk.ward_id, reach))
        .order_by(Ward.name, Kiosk.name)
    )  # fmt: skip
    return [KioskRow(*row) for row in db.session.execute(query)]


def badges() -> list[BadgeRow]:
    """Those that stand, by whose they are."""
    query = (
        select(Badge.id, User.username, Badge.pin_hash.is_not(None), Badge.made_at, Badge.made_by)
        .join(User, User.id == Badge.user_id)
        .where(Badge.revoked_at.is_(None))
        .order_by(User.username)
    )
    return [BadgeRow(*row) for row in db.session.execute(query)]


def usernames() -> list[str]:
    query = select(User.username).where(User.disabled_at.is_(None)).order_by(User.username)
    return list(db.session.scalars(query))


class Label(NamedTuple):
    device_id: str
    asset_tag: str
    ward_name: str


def labels_of(ward: str | None, most: int, reach: Reach = ALL) -> list[Label]:
    """Devices to stick a code on, by tag; of one ward, or of all."""
    query = (
        select(Device.device_id, Device.asset_tag, Ward.name)
        .join(Ward, Ward.id == Device.ward_id)
        .where(Device.lifecycle == Lifecycle.ENROLLED, within(Device.ward_id, reach))
        .order_by(Device.asset_tag)
        .limit(most)
    )
    if ward is not None:
        query = query.where(Ward.slug == ward)
    return [Label(*row) for row in db.session.execute(query)]
