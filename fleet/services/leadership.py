"""One of several schedulers leads: by a lease in the database that it must renew.

Each transaction of the leader asks whether it leads still, in the transaction itself: one that was
stopped, or cut off, and wakes up when another leads, writes nothing (fencing).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy import Update, select, update
from sqlalchemy.orm import Session

from fleet.store.bulk import insert_or_ignore
from fleet.store.database import transaction
from fleet.store.lease import JobRun, Lease

TERM = timedelta(seconds=15)
RENEW_EVERY = timedelta(seconds=5)


class NotLeading(Exception):
    """Another process leads by now: what this one was about to write is not written."""


@dataclass(frozen=True, slots=True)
class Term:
    """What this process holds; not to be relied on after `ends` (monotonic seconds)."""

    name: str
    epoch: int
    ends: float

    def must_hold(self, session: Session) -> None:
        """Part of a transaction: raises NotLeading, or keeps others from leading until its end."""
        held = select(Lease.epoch).where(Lease.name == self.name, Lease.epoch == self.epoch)
        if session.scalar(held.with_for_update(read=True, key_share=True)) is None:
            raise NotLeading(self.name)


def lead(name: str, holder: str, now: datetime, held: Term | None) -> Term | None:
    """Renew the term that is held, or take the lease if it has expired; None if another has it."""
    began = monotonic()
    with transaction() as session:
        epoch = _renew(session, held, now) if held else None
        if epoch is None:
            epoch = _take(session, name, holder, now)
    return None if epoch is None else Term(name, epoch, began + TERM.total_seconds())


def resign(term: Term, now: datetime) -> None:
    """Let go at a clean stop, so that the next one need not wait."""
    with transaction() as session:
        session.execute(_of(term).values(expires_at=now))


def begin(job: str, every: timedelta, now: datetime) -> bool:
    """Whether this turn of a job is still to be done; from now on it is not.

    A last beginning in the future is one of a clock that has been put right since.
    """
    turn = update(JobRun).where(
        JobRun.name == job,
        # A turn may come a little early: schedulers wake up when they do.
        (JobRun.began_at <= now - 0.9 * every) | (JobRun.began_at > now + every),
    )
    with transaction() as session:
        first = insert_or_ignore(session, JobRun).values(name=job, began_at=now)
        for claim in (first, turn.values(began_at=now)):
            if session.connection().execute(claim.returning(JobRun.name)).first():
                return True
    return False


def _renew(session: Session, term: Term, now: datetime) -> int | None:
    renewed = session.connection().execute(_of(term).values(expires_at=now + TERM))
    return term.epoch if renewed.rowcount else None


def _take(session: Session, name: str, holder: str, now: datetime) -> int | None:
    row = {"name": name, "epoch": 0, "holder": "", "expires_at": now}
    session.execute(insert_or_ignore(session, Lease).values(row))
    taken = session.execute(
        update(Lease)
        # An expiry far ahead is one of a clock that has been put back since.
        .where(Lease.name == name, (Lease.expires_at <= now) | (Lease.expires_at > now + 2 * TERM))
        .values(epoch=Lease.epoch + 1, holder=holder, expires_at=now + TERM)
        .returning(Lease.epoch)
        .execution_options(synchronize_session=False)
    )
    return taken.scalar()


def _of(term: Term) -> Update:
    return update(Lease).where(Lease.name == term.name, Lease.epoch == term.epoch)
