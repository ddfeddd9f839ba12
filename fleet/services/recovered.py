"""The database was put back to an earlier moment: what was counted since is not counted again.

Devices, browsers and programs have seen generations, revisions, versions and ids that this database
knows nothing of. Each of them is raised beyond what they can have become meanwhile.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from fleet.domain.tasks import UNFINISHED, TaskState
from fleet.domain.words import Lifecycle
from fleet.services import audit, outbox
from fleet.services.desired_state import next_generations
from fleet.services.recovery import SUBJECT
from fleet.services.tasks.steer import SYSTEM
from fleet.store.alert import Alert
from fleet.store.audit import AuditChain, AuditEntry
from fleet.store.configuration import Configuration
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.heartbeat import ServiceHeartbeat, ServiceInstance
from fleet.store.kiosk import Kiosk, KioskSession
from fleet.store.lease import Lease
from fleet.store.locks import Lock, take
from fleet.store.outbox import OutboxMessage
from fleet.store.passkey import PasskeyChallenge
from fleet.store.people import ApiToken, LoginSession, SetupLink, SignInFailure
from fleet.store.profile import Assignment
from fleet.store.rollout import Rollout
from fleet.store.sequences import raise_ids
from fleet.store.site import Ward
from fleet.store.task import Task

MARGIN = 1_000_000
"""So many at once, whatever the clock says: a bulk registration, a rollout to every device."""
_SECOND, _MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


def recovered(
    source: dict[str, Any], actor: str, now: datetime, keep_tokens: bool = False
) -> timedelta:
    """Raise every counter; end sessions and (unless told otherwise) API tokens; tell every device.

    By one a second since the database's last sign of life, and MARGIN: so it is also right where
    one backup is restored twice. Boards count faster, by one a millisecond. `source` is what the
    audit says about where the database came from. Returns the time since that last sign.
    """
    with transaction() as session:
        take(session, Lock.ASSIGNMENTS)
        lost = max(now - _last_sign_of_life(session, now), timedelta(0))
        gap = MARGIN + lost // _SECOND
        _raise_versions(session, gap, MARGIN + lost // _MILLISECOND)
        raise_ids(session, gap)
        _end_ways_in(session, now, keep_tokens)
        # What waited is either said again now, or was meant for a time that is over.
        session.execute(delete(OutboxMessage))
        for signs in (ServiceHeartbeat, ServiceInstance):
            session.execute(delete(signs))
        _next_generations(session, gap, now)
        _cancel_tasks(session, now)
        after = {**source, "raised_by": gap, "tokens_kept": keep_tokens}
        audit.record(session, actor, "recovery.restore", SUBJECT, now, after=after)
    return lost


def _last_sign_of_life(session: Session, now: datetime) -> datetime:
    beat = session.scalar(select(func.max(ServiceInstance.at)))
    entry = session.scalar(select(AuditEntry.at).order_by(AuditEntry.id.desc()).limit(1))
    return max((at for at in (beat, entry) if at is not None), default=now)


def _raise_versions(session: Session, gap: int, board_gap: int) -> None:
    for model in (Device, Assignment, Alert, Rollout):
        session.execute(update(model).values(version=model.version + gap))
    # A leader of before the crash must not find its epoch again.
    session.execute(update(Lease).values(epoch=Lease.epoch + gap))
    session.execute(update(Ward).values(revision=Ward.revision + board_gap))
    session.execute(update(AuditChain).values(last_id=AuditChain.last_id + gap))


def _end_ways_in(session: Session, now: datetime, keep_tokens: bool) -> None:
    """What was ended after the backup must not be alive again; which that was, nobody knows now."""
    for model in (LoginSession, SetupLink, SignInFailure, KioskSession, PasskeyChallenge):
        session.execute(delete(model))
    # Which screens were revoked since, nobody knows: each is registered anew.
    session.execute(
        update(Kiosk)
        .where(Kiosk.revoked_at.is_(None))
        .values(revoked_at=now, token_hash=None, code_hash=None, code_expires_at=None)
    )
    if not keep_tokens:
        session.execute(
            update(ApiToken).where(ApiToken.revoked_at.is_(None)).values(revoked_at=now)
        )


def _cancel_tasks(session: Session, now: datetime) -> None:
    """What long work had done since the backup, or who has cancelled it, nobody knows now."""
    cancelled = session.execute(
        update(Task)
        .where(Task.state.in_(UNFINISHED))
        .values(state=TaskState.CANCELLED, ended_at=now, ended_by=SYSTEM)
        .returning(Task.id)
        .execution_options(synchronize_session=False)
    )
    for task_id in sorted(cancelled.scalars()):
        after = {"state": str(TaskState.CANCELLED)}
        audit.record(session, SYSTEM, "task.cancel", f"task/{task_id}", now, after=after)


def _next_generations(session: Session, gap: int, now: datetime) -> None:
    """Every device hears what it should have: the broker may hold what came after the backup."""
    devices = session.execute(
        select(Configuration, Device.device_id, Device.lifecycle)
        .join(Device, Device.id == Configuration.device_pk)
        .order_by(Device.id)
    )
    enrolled = []
    for configuration, device_id, lifecycle in devices.all():
        configuration.generation += gap
        if lifecycle == Lifecycle.ENROLLED:
            enrolled.append((configuration, device_id))
        else:
            outbox.leave(session, device_id, "desired", None, now, retain=True)
    next_generations(session, enrolled, now)
