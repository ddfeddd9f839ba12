"""Rollups kept up: an hour is rolled up once it is over, and again where late readings come."""

import logging
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from fleet.domain.age import moment_in_history
from fleet.store.database import in_words, transaction
from fleet.store.device import Device
from fleet.store.driver import BulkHold
from fleet.store.locks import Lock, be_patient, share, take
from fleet.store.rollup import HOUR, RollupDue, RollupProgress, hour_of
from fleet.store.rollup_refresh import refresh_hour

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Devices in a transaction: on SQLite ingest waits as long as it takes, some 50 ms."""
STEPS_A_RUN = 1_000


def mark_late(session: Session, readings: Iterable[tuple[int, datetime, datetime]]) -> None:
    """Part of the transaction that records readings: hours closed before them are due again.

    `readings`: (device primary key, `sampled_at`, `received_at`) each. The lock says that an hour
    is closed either before this, and then the reading is marked, or after this transaction has
    committed, and then the reading is seen by whoever rolls up the hour.
    """
    share(session, Lock.ROLLUPS)
    open_hour = session.scalars(select(RollupProgress.open_hour)).one()
    late = {
        (hour_of(moment), device_pk)
        for device_pk, sampled_at, received_at in readings
        # Nearly all end at the first look, which is quick.
        if (sampled_at < open_hour or received_at < open_hour)
        and (moment := moment_in_history(sampled_at, received_at)) < open_hour
    }
    _MARK.run(session, sorted(late))


# A mark that stands already is held: it cannot be taken as done before this transaction, with the
# reading it stands for, has committed.
_MARK = BulkHold(RollupDue, ("hour", "device_pk"))


def roll_up(now: datetime) -> int:
    """Roll up what is over and what is due again; returns in how many steps.

    Each step is a short transaction, so that ingest never waits long; what is left after many of
    them waits for the next run. It locks the progress first: of two runs at once each goes on
    where the other has come to, and a day is never added up while one of its hours changes.
    """
    for done in range(STEPS_A_RUN):
        try:
            with transaction() as session:
                be_patient(session)
                progress = session.scalars(select(RollupProgress).with_for_update()).one()
                if not (_sweep(session, progress, now) or _repair(session)):
                    return done
        except OperationalError as error:
            log.warning("rollups: put off, others hold what they need: %s", in_words(error))
            return done
    return STEPS_A_RUN


def _sweep(session: Session, progress: RollupProgress, now: datetime) -> bool:
    """Close the hour that is over, or roll up the closed one for some more devices.

    Hours ahead of the time were closed by a clock that has been put back since: they open again.
    """
    if progress.open_hour > now + HOUR:
        progress.open_hour = hour_of(now)
        progress.swept_to = None
        return True
    if progress.swept_to is None:
        if now < progress.open_hour + HOUR:
            return False
        take(session, Lock.ROLLUPS)
        progress.open_hour += HOUR
        progress.swept_to = 0
        return True
    devices = select(Device.id).where(Device.id > progress.swept_to).order_by(Device.id)
    device_pks = session.scalars(devices.limit(AT_ONCE)).all()
    refresh_hour(session, progress.open_hour - HOUR, device_pks)
    progress.swept_to = device_pks[-1] if len(device_pks) == AT_ONCE else None
    return True


def _repair(session: Session) -> bool:
    """Roll up again the earliest hour that is due, for some of its devices.

    Their marks are locked and go with the same commit. A mark that somebody holds is passed over.
    """
    due = select(RollupDue.hour, RollupDue.device_pk).order_by(RollupDue.hour, RollupDue.device_pk)
    marks = session.execute(due.limit(AT_ONCE).with_for_update(skip_locked=True)).all()
    if not marks:
        return False
    hour = marks[0].hour
    device_pks = [mark.device_pk for mark in marks if mark.hour == hour]
    session.execute(
        delete(RollupDue).where(RollupDue.hour == hour, RollupDue.device_pk.in_(device_pks))
    )
    refresh_hour(session, hour, device_pks)
    return True
