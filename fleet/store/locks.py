"""Locks on devices and on what no row stands for, and how long to wait for those of tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from sqlalchemy import ColumnElement, Connection, func, select, text
from sqlalchemy.orm import Session

from fleet.store.device import Device, DeviceState

PATIENCE_MS = 500
"""Ingest waits behind whoever waits for a lock that excludes it: this long at most."""


class Lock(IntEnum):
    """Each a number of its own in the database."""

    ASSIGNMENTS = 1
    """Who reads assignments to decide what devices should have, and who changes them."""
    MIGRATIONS = 2
    ROLLUPS = 3
    """Shared by batches that record readings; alone by who closes an hour for them."""
    PEOPLE = 9
    """Who changes what people may."""
    RELEASES = 11
    """Who enters a firmware release, by the counters of those before."""


def take(session: Session, lock: Lock) -> None:
    """Wait until nobody else holds it; held until the end of the transaction.

    On SQLite a write transaction has the whole database to itself already.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(lock.value)))


def share(session: Session, lock: Lock) -> None:
    """Wait until nobody holds it alone; held until the end of the transaction."""
    if session.connection().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(lock.value)))


@contextmanager
def held(connection: Connection, lock: Lock) -> Iterator[None]:
    """Held over several transactions of this connection."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(select(func.pg_advisory_lock(lock.value)))
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(select(func.pg_advisory_unlock(lock.value)))
        connection.rollback()


def be_patient(session: Session) -> None:
    """From here to its end the transaction fails rather than wait long for any lock."""
    if session.connection().dialect.name == "postgresql":
        session.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MS}"))


def hold(session: Session, chosen: ColumnElement[bool], limit: int | None = None) -> list[int]:
    """The keys of the devices whose state meets the condition, locked.

    In one order, as everybody locks devices, so that nobody waits in a circle. The sum in it keeps
    databases from walking the whole table in that order, to look for the few that are meant.
    """
    query = (
        select(DeviceState.device_pk)
        .join(Device, Device.id == DeviceState.device_pk)
        .where(chosen)
        .order_by(DeviceState.device_pk + 0)
        .limit(limit)
        .with_for_update(of=DeviceState)
    )
    return list(session.scalars(query))
