"""The database: reached, and what it says of itself; migrated; its clock."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from fleet.doctor import postgres, sqlite
from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, fail, ok, warn
from fleet.store.migrate import is_current
from fleet.store.queries import diagnosis

CLOCKS_APART = timedelta(seconds=2)


def database(case: Case) -> Iterator[Finding]:
    if case.is_postgres:
        it = diagnosis.postgres(case.session)
        yield from postgres.judge(it, diagnosis.biggest_tables(case.session))
    else:
        yield from sqlite.judge(diagnosis.sqlite(case.session))


def migrations(case: Case) -> Iterator[Finding]:
    if is_current(case.session.get_bind().engine):
        yield ok("migrations", "the schema is this version's, or a newer one's")
    else:
        yield fail("migrations", "the schema is older than this version", "Run `fleet migrate`.")


def database_clock(case: Case) -> Iterator[Finding]:
    """This machine's clock against the database's, where that is another machine."""
    if not case.is_postgres:
        return
    before = datetime.now(UTC)
    theirs = diagnosis.database_clock(case.session)
    after = datetime.now(UTC)
    apart = max(before - theirs, theirs - after, timedelta(0))
    found = f"{apart.total_seconds():.1f} s apart"
    if apart > CLOCKS_APART:
        do = "Synchronise the clocks of both machines (chrony, NTP)."
        yield warn("database clock", found, do)
    else:
        yield ok("database clock", found)
