"""One device's card, by the code on it."""

from typing import NamedTuple

from sqlalchemy import ColumnElement, select

from fleet.domain.board import Card
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Device, Ward
from fleet.store.queries import board
from fleet.store.queries.board import HEADS, WardHead


class Found(NamedTuple):
    kind: str
    card: Card


def device_revision(device_id: str) -> int | None:
    """Has anything on the board of its ward changed?"""
    query = select(Ward.revision).join(Device, Device.ward_id == Ward.id)
    return db.session.scalar(query.where(*_this(device_id)))


def head_of_device(device_id: str) -> WardHead | None:
    query = HEADS.join(Device, Device.ward_id == Ward.id).where(*_this(device_id))
    row = db.session.execute(query).first()
    return WardHead(*row) if row else None


def device_card(device_id: str) -> Found | None:
    kind = db.session.scalar(select(Device.kind).where(*_this(device_id)))
    card = board.device_card(device_id)
    return Found(kind, card) if kind and card else None


def _this(device_id: str) -> tuple[ColumnElement[bool], ...]:
    return Device.device_id == device_id, Device.lifecycle == Lifecycle.ENROLLED
