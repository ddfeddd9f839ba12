"""Outages of a ward or site: opened, joined, followed, and ended. Part of `judge_silence`."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, select, update
from sqlalchemy.orm import Session

from fleet.domain import outage as rules
from fleet.domain.webhooks.events import Event
from fleet.domain.words import AlertKind, AlertState, Lifecycle
from fleet.services import alerts
from fleet.services.wards import wards_of
from fleet.services.webhooks.tell import tell
from fleet.store.alert import Alert, Outage
from fleet.store.device import Device, DeviceState
from fleet.store.driver import among
from fleet.store.locks import hold
from fleet.store.site import Ward


@dataclass(frozen=True, slots=True)
class Place:
    """One ward, or a whole site: one of the two."""

    ward_id: int | None = None
    site_id: int | None = None

    @property
    def devices(self) -> ColumnElement[bool]:
        """Which of the enrolled devices are at home there."""
        of_site = Device.ward_id.in_(select(Ward.id).where(Ward.site_id == self.site_id))
        here = of_site if self.ward_id is None else Device.ward_id == self.ward_id
        return and_(here, Device.lifecycle == Lifecycle.ENROLLED)


PENDING = and_(DeviceState.alert_after.is_not(None), ~DeviceState.online)
"""Silent, and it is not decided yet what follows from it."""


def fell_with(last_word: datetime) -> ColumnElement[bool]:
    """Silent, and last heard about then, when the last of those that fell was."""
    return and_(
        ~DeviceState.online,
        DeviceState.outage_id.is_(None),
        DeviceState.last_seen_at > rules.heard_from(last_word),
        DeviceState.last_seen_at <= rules.heard_until(last_word),
    )


def spoke_after(last_word: datetime) -> ColumnElement[bool]:
    return and_(DeviceState.online, DeviceState.last_seen_at > rules.heard_until(last_word))


def begin(session: Session, place: Place, last_word: datetime, now: datetime) -> set[int]:
    """One event of this place, or more of the one that stands; returns the wards concerned."""
    keys = hold(session, place.devices & fell_with(last_word))
    standing = session.execute(_standing().where(_at(place))).one_or_none()
    outage, alert = standing or _open(session, place, last_word, now)
    heard = select(func.count()).select_from(Device).join(DeviceState)
    online = session.scalar(heard.where(place.devices, DeviceState.online)) or 0
    outage.devices = max(outage.devices, online + outage.silent + len(keys))
    return _add(session, outage, alert, keys, now)


def join(session: Session, now: datetime) -> set[int]:
    """Who has not been heard since an outage of its ward or site began is part of it."""
    wards: set[int] = set()
    for outage, alert in session.execute(_standing()).all():
        unheard = DeviceState.last_seen_at <= rules.heard_until(outage.since)
        keys = hold(session, PENDING & unheard & Place(alert.ward_id, alert.site_id).devices)
        wards |= _add(session, outage, alert, keys, now)
    return wards


def follow(session: Session, now: datetime) -> set[int]:
    """Let go of who is back, and end what is over; returns the wards concerned."""
    back = hold(session, DeviceState.outage_id.is_not(None) & DeviceState.online)
    wards = _set_members(session, back, outage_id=None)
    members = select(DeviceState.outage_id, func.count()).where(DeviceState.outage_id.is_not(None))
    silent = {row[0]: row[1] for row in session.execute(members.group_by(DeviceState.outage_id))}
    for outage, alert in session.execute(_standing()).all():
        outage.silent = silent.get(outage.alert_id, 0)
        alert.detail = rules.in_words(outage.silent, outage.devices)
        if rules.is_over(outage.silent, outage.fell):
            wards |= _end(session, outage, alert, now)
    return wards


def _standing() -> Select[Outage, Alert]:
    return select(Outage, Alert).join(Alert).where(Alert.state != AlertState.RESOLVED)


def _at(place: Place) -> ColumnElement[bool]:
    if place.ward_id is None:
        return Alert.site_id == place.site_id
    return Alert.ward_id == place.ward_id


def _open(
    session: Session, place: Place, last_word: datetime, now: datetime
) -> tuple[Outage, Alert]:
    alert = Alert(
        ward_id=place.ward_id, site_id=place.site_id, kind=AlertKind.OUTAGE, opened_at=now
    )
    session.add(alert)
    session.flush()
    outage = Outage(alert_id=alert.id, since=last_word, devices=0, fell=0, silent=0)
    session.add(outage)
    session.flush()
    tell(session, Event.ALERT_OPENED, [alert.id], now)
    return outage, alert


def _add(
    session: Session, outage: Outage, alert: Alert, keys: list[int], now: datetime
) -> set[int]:
    if not keys:
        return set()
    outage.fell += len(keys)
    outage.silent += len(keys)
    alert.detail = rules.in_words(outage.silent, outage.devices)
    alerts.absorb_offline(session, keys, now)
    return _set_members(session, keys, outage_id=outage.alert_id, alert_after=None)


def _end(session: Session, outage: Outage, alert: Alert, now: datetime) -> set[int]:
    """Who is silent still is judged anew, after a while: most of them are just coming back."""
    alert.state, alert.resolved_at = AlertState.RESOLVED, now
    alert.version += 1
    alert.detail = f"{outage.fell} of {outage.devices} devices fell silent together"
    tell(session, Event.ALERT_RESOLVED, [alert.id], now)
    left = hold(session, DeviceState.outage_id == outage.alert_id)
    return _set_members(session, left, outage_id=None, alert_after=now + rules.HOLD)


def _set_members(session: Session, keys: list[int], **values: object) -> set[int]:
    """Returns their wards."""
    if not keys:
        return set()
    session.execute(
        update(DeviceState)
        .where(among(session, DeviceState.device_pk, keys))
        .values(values)
        .execution_options(synchronize_session=False)
    )
    return wards_of(session, keys)
