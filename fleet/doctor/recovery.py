"""Whether there is a backup to go back to, and whether anybody has tried."""

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import select

from fleet.doctor.case import Case
from fleet.doctor.finding import Finding, fail, ok, warn
from fleet.services.recovery import BACKUP_TAKEN
from fleet.store.audit import AuditEntry
from fleet.store.recovery import RecoveryDrill

BACKUP_DEADLINE = timedelta(hours=26)
"""A night's, and the time that it takes."""
DRILL_DEADLINE = timedelta(days=92)
"""A quarter: what an auditor asks for."""


def backups(case: Case) -> Iterator[Finding]:
    """The newest on record, wherever it was taken and is kept."""
    newest = (
        select(AuditEntry.at)
        .where(AuditEntry.action == BACKUP_TAKEN)
        .order_by(AuditEntry.id.desc())
        .limit(1)
    )
    taken_at = case.session.scalar(newest)
    do = "Set FLEET_BACKUP_AT, or run `fleet backup` every night: see docs/recovery.md."
    if taken_at is None:
        yield warn("backups", "none was ever taken", do)
    elif case.now - taken_at > BACKUP_DEADLINE:
        yield warn("backups", f"the newest is of {taken_at:%Y-%m-%d %H:%M} UTC", do)
    else:
        yield ok("backups", f"the newest is of {taken_at:%Y-%m-%d %H:%M} UTC")


def drills(case: Case) -> Iterator[Finding]:
    """The newest, passed or not: an old success proves nothing of today's backups."""
    newest = case.session.scalar(
        select(RecoveryDrill).order_by(RecoveryDrill.at.desc(), RecoveryDrill.id.desc()).limit(1)
    )
    if newest is None:
        yield warn("drills", "no backup was ever restored to try it", "Run `fleet drill`.")
    elif not newest.passed:
        do = "Take another backup and run `fleet drill`; keep the older backups until it passes."
        yield fail("drills", f"that of {newest.at:%Y-%m-%d} failed: {newest.problem}", do)
    elif case.now - newest.at > DRILL_DEADLINE:
        yield warn("drills", f"the newest is of {newest.at:%Y-%m-%d}", "Run `fleet drill`.")
    else:
        yield ok("drills", f"that of {newest.at:%Y-%m-%d} restored {newest.rows:,} rows")
