"""What follows from silence: an outage where many fell together, else an alert of each its own."""

from collections import defaultdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select, update
from sqlalchemy.orm import Session

from fleet.domain.outage import FEWEST, WardSilence, judge
from fleet.domain.words import Lifecycle
from fleet.services import alerts, outages
from fleet.services.outages import PENDING, Place
from fleet.services.wards import touch
from fleet.store.database import transaction
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.locks import hold
from fleet.store.site import Ward


class Pending(NamedTuple):
    """Of one ward: devices whose silence is not decided yet, and when the first of it is due."""

    ward_id: int
    site_id: int
    devices: int
    last_word: datetime
    due: datetime


def judge_silence(now: datetime) -> int:
    """Returns how many devices' silence is decided, each for itself.

    The wider event first: a site's, then a ward's. What ends is judged again on the narrower scale.
    """
    with transaction() as session:
        wards = outages.follow(session, now)
        if _pending(session):
            wards |= outages.join(session, now)
            for site_id, pending in _by_site(session).items():
                wards |= _judge_site(session, site_id, pending, now)
        alone = _alert_each(session, now)
        touch(session, wards)
    return alone


def _pending(session: Session) -> list[Pending]:
    query: Select[*tuple[Any, ...]] = (
        select(
            Device.ward_id,
            Ward.site_id,
            func.count(),
            func.max(DeviceState.last_seen_at),
            func.min(DeviceState.alert_after),
        )
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .join(Ward, Ward.id == Device.ward_id)
        .where(PENDING)
        .group_by(Device.ward_id, Ward.site_id)
    )
    return [Pending(*row) for row in session.execute(query)]


def _by_site(session: Session) -> dict[int, list[Pending]]:
    sites: dict[int, list[Pending]] = defaultdict(list)
    for ward in _pending(session):
        sites[ward.site_id].append(ward)
    return sites


def _judge_site(session: Session, site_id: int, pending: list[Pending], now: datetime) -> set[int]:
    """Once the first silence is due, by which time it shows who shares it."""
    enough = sum(ward.devices for ward in pending) >= FEWEST
    if not enough or min(ward.due for ward in pending) > now:
        return set()
    last_word = max(ward.last_word for ward in pending)
    silences = _silences(session, [ward.ward_id for ward in pending], last_word)
    verdict = judge(silences, _wards_with_devices(session, site_id))
    places = [Place(ward_id=ward_id) for ward_id in verdict.ward_ids]
    if verdict.is_site:
        places = [Place(site_id=site_id)]
    concerned: set[int] = set()
    for place in places:
        concerned |= outages.begin(session, place, last_word, now)
    return concerned


def _silences(session: Session, ward_ids: list[int], last_word: datetime) -> list[WardSilence]:
    fell = func.sum(case((outages.fell_with(last_word), 1), else_=0))
    spoke = func.sum(case((outages.spoke_after(last_word), 1), else_=0))
    query = (
        select(Device.ward_id, fell, spoke)
        .join(DeviceState, DeviceState.device_pk == Device.id)
        .where(among(session, Device.ward_id, ward_ids), Device.lifecycle == Lifecycle.ENROLLED)
        .group_by(Device.ward_id)
    )
    return [WardSilence(*row) for row in session.execute(query)]


def _wards_with_devices(session: Session, site_id: int) -> int:
    has_devices = select(Device.id).where(
        Device.ward_id == Ward.id, Device.lifecycle == Lifecycle.ENROLLED
    )
    query = select(func.count()).where(Ward.site_id == site_id, has_devices.exists())
    return session.scalar(query) or 0


def _alert_each(session: Session, now: datetime) -> int:
    """Whose silence is due and nobody else's; who has spoken meanwhile is let go."""
    keys = hold(session, DeviceState.alert_after <= now)
    if not keys:
        return 0
    due = among(session, DeviceState.device_pk, keys)
    alerts.open_offline(session, due & ~DeviceState.online, now)
    session.execute(
        update(DeviceState)
        .where(due)
        .values(alert_after=None)
        .execution_options(synchronize_session=False)
    )
    return len(keys)
