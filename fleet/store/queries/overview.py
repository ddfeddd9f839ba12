"""The fleet in figures: what needs a human now, and how much there is of everything."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.access import ALL, Reach
from fleet.domain.words import Lifecycle
from fleet.store.database import db
from fleet.store.models import Configuration, Device, DeviceState
from fleet.store.queries.as_of import availability_at, compliance_at
from fleet.store.queries.whereabouts import within


class Tally(NamedTuple):
    """So many devices of one ward, kind and availability."""

    ward_id: int
    kind: str
    availability: str
    devices: int


def availability_tallies(now: datetime, reach: Reach = ALL) -> list[Tally]:
    """The whole fleet in one pass; every total by ward or by kind is a sum of these."""
    word = availability_at(now).label("word")
    query = (
        select(Device.ward_id, Device.kind, word, func.count())
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(Device.lifecycle == Lifecycle.ENROLLED, within(Device.ward_id, reach))
        .group_by(Device.ward_id, Device.kind, word)
    )
    return [Tally(*row) for row in db.session.execute(query)]


def compliance_totals(now: datetime, reach: Reach = ALL) -> dict[str, int]:
    word = compliance_at(now).label("word")
    query = (
        select(word, func.count())
        .select_from(Device)
        .outerjoin(Configuration, Configuration.device_pk == Device.id)
        .where(Device.lifecycle == Lifecycle.ENROLLED, within(Device.ward_id, reach))
        .group_by(word)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}
