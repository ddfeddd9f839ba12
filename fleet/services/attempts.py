"""How often somebody may guess: counted in the database, so that every process counts alike."""

import logging
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from fleet.services.errors import TooManyAttempts
from fleet.store.database import transaction
from fleet.store.people import SignInFailure

log = logging.getLogger(__name__)

TRIES = 5
"""Of one name, from one address: so one stranger elsewhere does not keep its owner out."""
FROM_ANYWHERE = 50
"""Of one name, from many addresses together."""
OF_ADDRESS = 100
"""Passwords from one address, whatever the names: a whole hospital may show as a single one. Where
somebody there tries so many, its people come in by passkey or single sign-on meanwhile."""
WITHIN = timedelta(minutes=5)
_LOCKS = 17
"""A seed of our own, so that a name's lock is nobody else's."""


def count_attempt(name: str, now: datetime, address: str = "") -> None:
    """Before what was typed is looked at, as if it were wrong: however many come at once, no more
    than TRIES are looked at. The right one takes it all back (`forgive`).

    `address`: of who types it, IPv4 or IPv6; empty where it counts from anywhere alike. Raises
    TooManyAttempts.
    """
    name, address = name[:64], network_of(address)
    with transaction() as session:
        _one_after_the_other(session, name)
        if address:  # always after the name's, so that no two wait for each other
            _one_after_the_other(session, address)
        session.execute(delete(SignInFailure).where(SignInFailure.at <= now - WITHIN))
        same_name, same_address = SignInFailure.username == name, SignInFailure.address == address
        left = min(
            TRIES - _counted(session, same_name, same_address),
            FROM_ANYWHERE - _counted(session, same_name),
            OF_ADDRESS - _counted(session, same_address) if address else TRIES,
        )
        if left <= 0:
            raise TooManyAttempts("too many wrong ones; try again in five minutes")
        session.add(SignInFailure(username=name, address=address, at=now))
    if left == 1:  # told once, not with each that follows
        log.warning("the last try for now, from %s", address or "anywhere")


def forgive(session: Session, name: str, address: str = "") -> None:
    """Part of a transaction: the right one was typed. What others typed elsewhere stays counted."""
    session.execute(
        delete(SignInFailure).where(
            SignInFailure.username == name[:64], SignInFailure.address == network_of(address)
        )
    )


def network_of(address: str) -> str:
    """What counts as one machine: an IPv4 address, or the /64 that an IPv6 host has to itself."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, IPv6Address):
        mapped = ip.ipv4_mapped
        return str(mapped) if mapped else str(ip_network((ip, 64), strict=False))
    return str(ip)


def _counted(session: Session, *conditions: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(SignInFailure).where(*conditions)) or 0


def _one_after_the_other(session: Session, name: str) -> None:
    """Those who ask for one name, until the end of the transaction. SQLite does so for all."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, _LOCKS))))
