"""Every check, one after the other; none keeps another from being made."""

import logging
from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from fleet.doctor import broker, database, expiry, machine, recovery, service
from fleet.doctor.case import Case, DatabaseAway
from fleet.doctor.finding import Finding, fail, warn
from fleet.store.database import in_words

log = logging.getLogger(__name__)

Check = Callable[[Case], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    machine.data_directory,
    machine.disk,
    machine.clock,
    database.database,
    database.migrations,
    database.database_clock,
    broker.broker,
    broker.certificates,
    expiry.certificates_expire,
    expiry.signatures,
    service.readiness,
    service.processes,
    service.memory,
    service.jobs,
    service.outbox,
    service.readings,
    service.device_clocks,
    recovery.backups,
    recovery.drills,
)


def examine(case: Case) -> Iterator[Finding]:
    """Each finding as soon as it is made."""
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            yield from check(case)
        except DatabaseAway as away:
            yield _away(name, away)
        except SQLAlchemyError as error:
            case.begin_again()
            yield _unasked(name, in_words(error))
        except Exception as error:
            log.exception("check %s failed", name)
            yield _unasked(name, type(error).__name__)


def _unasked(name: str, cause: str) -> Finding:
    do = "Put right what the other checks name; if this stays, report it."
    return fail(name, f"could not be checked: {cause}", do)


def _away(name: str, away: DatabaseAway) -> Finding:
    if name == "database":
        do = "See that it runs, that FLEET_DATABASE_URL names it, and its own log."
        return fail(name, f"not reached: {away}", do)
    return warn(name, "not looked at: the database is not reached", "See `database`.")
