"""How often somebody may guess: counted in the database, so that every process counts alike."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from fleet.services.errors import TooManyAttempts
from fleet.store.database import transaction
from fleet.store.people import SignInFailure

TRIES = 5
WITHIN = timedelta(minutes=5)
_LOCKS = 17
"""A seed of our own, so that a name's lock is nobody else's."""


def count_attempt(name: str, now: datetime) -> None:
    """Before what was typed is looked at, as if it were wrong: however many come at once, no more
    than TRIES are looked at. The right one takes it all back (`forgive`).

    Raises TooManyAttempts; other names are not affected.
    """
    name = name[:64]
    with transaction() as session:
        _one_after_the_other(session, name)
        session.execute(delete(SignInFailure).where(SignInFailure.at <= now - WITHIN))
        recent = session.scalar(
            select(func.count()).select_from(SignInFailure).where(SignInFailure.username == name)
        )
        if (recent or 0) >= TRIES:
            raise TooManyAttempts("too many wrong ones; try again in five minutes")
        session.add(SignInFailure(username=name, at=now))


def forgive(session: Session, name: str) -> None:
    """Part of a transaction: the right one was typed."""
    session.execute(delete(SignInFailure).where(SignInFailure.username == name[:64]))


def _one_after_the_other(session: Session, name: str) -> None:
    """Those who ask for one name, until the end of the transaction. SQLite does so for all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, _LOCKS))))
