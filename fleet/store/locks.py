"""Locks, held until the end of the transaction: on devices, and on what no row stands for."""

from enum import IntEnum

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from fleet.store.device import Device, DeviceState


class Lock(IntEnum):
    """Each a number of its own in the database."""

    ASSIGNMENTS = 1
    """Who reads assignments to decide what devices should have, and who changes them."""


def take(session: Session, lock: Lock) -> None:
    """Wait until nobody else holds it; held until the end of the transaction.

    On SQLite a write transaction has the whole database to itself already.
    """
    if session.connection().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(lock.value)))


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
