"""Locks that outlive no transaction, for what no row stands for."""

from enum import IntEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session


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
