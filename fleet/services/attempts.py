"""How often somebody may guess: counted in the database, so that every process counts alike."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from fleet.services.errors import TooManyAttempts
from fleet.store.database import transaction
from fleet.store.people import SignInFailure

log = logging.getLogger(__name__)

TRIES = 5
"""Of one name, from one address: so a stranger elsewhere does not keep its owner out."""
FROM_ANYWHERE = 50
"""Of one name, from many addresses together."""
OF_ADDRESS = 100
"""From one address, whatever the names: a hospital's own network may show as a single one."""
WITHIN = timedelta(minutes=5)
_LOCKS = 17
"""A seed of our own, so that a name's lock is nobody else's."""


def count_attempt(name: str, now: datetime, address: str = "") -> None:
    """Before what was typed is looked at, as if it were wrong: however many come at once, no more
    than TRIES are looked at. The right one takes it all back (`forgive`).

    `address`: of who types it; empty where that tells nothing. Raises TooManyAttempts.
    """
    name, address = name[:64], address[:64]
    with transaction() as session:
        _one_after_the_other(session, name)
        if address:  # always after the name's, so that no two wait for each other
            _one_after_the_other(session, address)
        session.execute(delete(SignInFailure).where(SignInFailure.at <= now - WITHIN))
        same_name, same_address = SignInFailure.username == name, SignInFailure.address == address
        is_too_many = (
            _counted(session, same_name, same_address) >= TRIES
            or _counted(session, same_name) >= FROM_ANYWHERE
            or (address and _counted(session, same_address) >= OF_ADDRESS)
        )
        if is_too_many:
            log.warning("sign-in throttled, tried from %s", address or "here")
            raise TooManyAttempts("too many wrong ones; try again in five minutes")
        session.add(SignInFailure(username=name, address=address, at=now))


def forgive(session: Session, name: str, address: str = "") -> None:
    """Part of a transaction: the right one was typed. What others typed elsewhere stays counted."""
    session.execute(
        delete(SignInFailure).where(
            SignInFailure.username == name[:64], SignInFailure.address == address[:64]
        )
    )


def _counted(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(SignInFailure).where(*conditions)) or 0


def _one_after_the_other(session: Session, name: str) -> None:
    """Those who ask for one name, until the end of the transaction. SQLite does so for all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, _LOCKS))))
