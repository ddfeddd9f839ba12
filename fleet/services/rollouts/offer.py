"""The word to the devices of a rollout, in their first safe moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from fleet.domain.rollout.care import Candidate, Ward, admit
from fleet.domain.rollout.plan import Plan, plan_from
from fleet.domain.rollout.words import JobState
from fleet.services import audit
from fleet.services.rollouts.bringing import bringing
from fleet.services.rollouts.queue import care_of_wards, queued, silent_in_queue, stocks
from fleet.services.rollouts.stored import subject
from fleet.store.device import Device
from fleet.store.driver import among
from fleet.store.rollout import Rollout, RolloutDevice

AT_ONCE = 500
SCHEDULE = "schedule"
"""Who the audit says has offered."""


def offer(session: Session, rollout: Rollout, now: datetime) -> int:
    """Part of a transaction, with the rollout locked: to whom it may come now; returns how many."""
    plan = plan_from(rollout.plan)
    chosen = _choose(session, rollout, plan, now)
    if not chosen:
        return 0
    won = _to_work(session, rollout, chosen, plan, now)
    bringing(rollout.target).tell(session, rollout, won, now)
    after = {"devices": _names(session, won)}
    audit.record(session, SCHEDULE, "rollout.offer", subject(rollout), now, None, after)
    return len(won)


def serve_latecomers(session: Session, rollout: Rollout, now: datetime) -> int:
    """Who missed it gets the version in its first safe moment; who is silent, for when it comes."""
    plan, brings = plan_from(rollout.plan), bringing(rollout.target)
    late = brings.late(session, rollout, now)
    silent = [device.pk for device in late if not device.online]
    heard = [device for device in late if device.online]
    safe = _safe(session, heard, care_of_wards(session, plan, now), plan, AT_ONCE, now)
    chosen = sorted({*silent, *safe})
    if chosen:
        brings.tell_late(session, rollout, chosen, now)
        after = {"devices": _names(session, chosen)}
        audit.record(session, SCHEDULE, "rollout.offer_late", subject(rollout), now, None, after)
    return len(chosen)


def _choose(session: Session, rollout: Rollout, plan: Plan, now: datetime) -> list[int]:
    """On the way back, who is not heard of is told as well: so that the right one waits for it."""
    silent = silent_in_queue(session, rollout.id, AT_ONCE, now) if rollout.reverts_id else []
    care = care_of_wards(session, plan, now)
    waiting = queued(session, rollout.id, care, now)
    return silent + _safe(session, waiting, care, plan, AT_ONCE - len(silent), now)


def _safe(
    session: Session,
    waiting: Sequence[Candidate],
    care: Mapping[int, Ward],
    plan: Plan,
    most: int,
    now: datetime,
) -> list[int]:
    if not waiting:
        return []
    spare = stocks(session, {device.ward_id for device in waiting}, now)
    return admit(waiting, spare, care, plan, most).admitted


def _to_work(
    session: Session, rollout: Rollout, chosen: Sequence[int], plan: Plan, now: datetime
) -> list[int]:
    """Compare-and-set: whoever is no longer in the queue stays as it is."""
    return list(
        session.scalars(
            update(RolloutDevice)
            .where(
                RolloutDevice.rollout_id == rollout.id,
                among(session, RolloutDevice.device_pk, chosen),
                RolloutDevice.state == JobState.QUEUED,
            )
            .values(state=JobState.OFFERED, offered_at=now, deadline=now + plan.deadline)
            .returning(RolloutDevice.device_pk)
            .execution_options(synchronize_session=False)
        )
    )


def _names(session: Session, device_pks: Sequence[int]) -> list[str]:
    query = select(Device.device_id).where(among(session, Device.id, device_pks))
    return list(session.scalars(query.order_by(Device.device_id)))
