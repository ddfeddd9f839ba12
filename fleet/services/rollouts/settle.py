"""How devices at work stand, by what they report themselves."""

from datetime import datetime
from itertools import chain

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.rollout.words import AT_WORK, LIVE, JobState
from fleet.domain.words import Lifecycle
from fleet.services.rollouts.bringing import whatever
from fleet.store.database import transaction
from fleet.store.device import Device
from fleet.store.driver import BulkUpdate
from fleet.store.rollout import Rollout, RolloutDevice

_STAND = BulkUpdate(RolloutDevice, "id", (), ("state", "reason", "ended_at", "deadline"))


def settle(now: datetime) -> int:
    """Every device at work that has come further, or to its end, whatever its rollout is about.

    Returns how many are at their end. Who left management is sent home from the queue as well.
    """
    with transaction() as session:
        _send_home(session, now)
        found = list(chain.from_iterable(each.settle(session, now) for each in whatever()))
        _STAND.run(session, found)
    return sum(standing.ended_at is not None for standing in found)


def _send_home(session: Session, now: datetime) -> None:
    left = select(Device.id).where(Device.lifecycle != Lifecycle.ENROLLED)
    live = select(Rollout.id).where(Rollout.state.in_(sorted(LIVE)))
    waiting = [JobState.QUEUED, *sorted(AT_WORK)]
    session.execute(
        update(RolloutDevice)
        .where(
            RolloutDevice.rollout_id.in_(live),
            RolloutDevice.state.in_(waiting),
            RolloutDevice.device_pk.in_(left),
        )
        .values(state=JobState.CANCELLED, reason="decommissioned", ended_at=now)
        .execution_options(synchronize_session=False)
    )
