"""Devices that have gone silent: unknown on the board from then on, and the change on record.

What follows from it, an alert of its own or an outage of its ward, is decided a moment later, when
it shows who else has fallen silent: `judge_silence`.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, insert, literal, select, update
from sqlalchemy.orm import Session

from fleet.domain.outage import HOLD
from fleet.domain.words import Availability
from fleet.services.wards import touch, wards_of
from fleet.store.alert import Transition
from fleet.store.database import transaction
from fleet.store.device import DeviceState
from fleet.store.driver import among
from fleet.store.locks import hold
from fleet.store.types import Instant

AT_ONCE = 50_000
"""Devices in one transaction: a second or two on a small machine; the rest a second later."""
LOOK_EVERY = timedelta(minutes=2)
"""At least so often, lest one whose reporting interval was made shorter is looked at too late."""


def mark_silent(now: datetime) -> int:
    """Whoever is past its offline deadline becomes unknown; returns how many did."""
    with transaction() as session:
        _look_again_later(session, now)
        due = (DeviceState.check_after <= now) & (DeviceState.offline_after <= now)
        silent, wards = silence(session, due, "not heard of", now)
        touch(session, wards)
    return silent


def silence(
    session: Session, chosen: ColumnElement[bool], reason: str, now: datetime
) -> tuple[int, set[int]]:
    """Part of a transaction: the chosen devices that are online are unknown from `now` on.

    Returns how many they were, and their wards. Rows are locked as they are chosen: a device that
    speaks at this moment is either heard first, and left alone, or heard again afterwards.
    """
    keys = hold(session, DeviceState.online & chosen, limit=AT_ONCE)
    if not keys:
        return 0, set()
    fallen = among(session, DeviceState.device_pk, keys)
    _record(session, fallen, reason, now)
    session.execute(
        update(DeviceState)
        .where(fallen)
        .values(
            online=False,
            availability=Availability.UNKNOWN,
            reason=reason,
            offline_after=now,
            check_after=now,
            alert_after=now + HOLD,
        )
        .execution_options(synchronize_session=False)
    )
    return len(keys), wards_of(session, keys)


def _look_again_later(session: Session, now: datetime) -> None:
    """Move on the look at those who have spoken since it was fixed.

    One whose reading is being recorded at this moment is passed over, and looked at next time.
    """
    latest = literal(now + LOOK_EVERY, Instant())
    spoken = (
        select(DeviceState.device_pk)
        .where(DeviceState.online, DeviceState.check_after <= now, DeviceState.offline_after > now)
        .with_for_update(skip_locked=True)
    )
    sooner = case((DeviceState.offline_after < latest, DeviceState.offline_after), else_=latest)
    session.execute(
        update(DeviceState)
        .where(DeviceState.device_pk.in_(spoken))
        .values(check_after=sooner)
        .execution_options(synchronize_session=False)
    )


def _record(session: Session, fallen: ColumnElement[bool], reason: str, now: datetime) -> None:
    change = {
        "device_pk": DeviceState.device_pk,
        "at": literal(now, Instant()),
        "aspect": literal("availability"),
        "old": DeviceState.availability,
        "new": literal(Availability.UNKNOWN.value),
        "detail": literal(reason),
    }
    session.execute(
        insert(Transition).from_select(list(change), select(*change.values()).where(fallen))
    )
