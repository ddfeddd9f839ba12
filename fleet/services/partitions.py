"""Partitions of the history on PostgreSQL: made ahead of their days, packed and dropped after."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from fleet.store.database import db, in_words, transaction
from fleet.store.locks import be_patient
from fleet.store.partitions import (
    clear_way,
    drop_partition,
    loose_keys,
    make_partition,
    pack_key,
    partitioned_days,
)
from fleet.store.rollup import DAY, day_of

T = TypeVar("T")
log = logging.getLogger(__name__)

DAYS_AHEAD = 14
"""As long may `schedule` stand still before readings go to the default partition."""
PACKED_AFTER = DAY
"""A day is packed when the next one is over too."""


def make_partitions(now: datetime) -> None:
    """Those of yesterday, today and the days to come, as far as they are not there."""
    if db.engine.dialect.name == "postgresql":
        wanted = {day_of(now) + number * DAY for number in range(-1, DAYS_AHEAD + 1)}
        _each(wanted - _days(), make_partition)


def drop_partitions(before: datetime) -> None:
    """Those that end at that moment or earlier."""
    _each((day for day in _days() if day + DAY <= before), drop_partition)


def pack_partitions(now: datetime) -> None:
    """The keys of days that are over, once late readings have become rare."""
    if db.engine.dialect.name != "postgresql":
        return
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for key in loose_keys(connection, day_of(now) - PACKED_AFTER):
            if not _done_at_once(f"packing of {key}", clear_way, key):
                return
            pack_key(connection, key)


def _days() -> set[datetime]:
    found = partitioned_days(db.session())
    db.session.rollback()
    return found


def _each(days: Iterable[datetime], change: Callable[[Session, datetime], None]) -> None:
    """Each in a transaction of its own, so that `reading` is locked for a moment at a time."""
    for day in sorted(days):
        if not _done_at_once(f"partition of {day.date()}", change, day):
            return


def _done_at_once(what: str, change: Callable[[Session, T], None], about: T) -> bool:
    """Or else, where others hold what it needs, not before the next turn of the job."""
    try:
        with transaction() as session:
            be_patient(session)
            change(session, about)
    except OperationalError as error:
        log.warning("%s: put off, `reading` is in use: %s", what, in_words(error))
        return False
    return True
