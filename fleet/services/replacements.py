"""Needs replacement: worn by what the device says, or about to be by the forecast."""

from datetime import datetime, timedelta

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from fleet.domain.words import AlertKind, AlertState, Lifecycle
from fleet.services import alerts
from fleet.store.alert import Alert
from fleet.store.battery import PackModel, PackState
from fleet.store.database import transaction
from fleet.store.device import BatteryPack, Device, DeviceState

LEAD_WEEKS = 8
"""From the order to the pack, where its model says nothing else."""
_KIND = AlertKind.NEEDS_REPLACEMENT


def hold_replacements(now: datetime) -> None:
    """Open what is due and does not stand, resolve what is not due any more."""
    with transaction() as session:
        due = _worn(session)
        for pk, words in _foreseen(session, now).items():
            due.setdefault(pk, words)
        standing = select(Alert.device_pk).where(
            Alert.kind == _KIND, Alert.state != AlertState.RESOLVED, Alert.device_pk.is_not(None)
        )
        concerned = {pk for pk in session.scalars(standing) if pk is not None} | due.keys()
        wanted = {pk: {_KIND: due[pk]} if pk in due else {} for pk in sorted(concerned)}
        for some in alerts.in_parts(wanted):
            alerts.reconcile(session, some, frozenset({_KIND}), now)


def _worn(session: Session) -> dict[int, str]:
    query = select(DeviceState.device_pk, DeviceState.replacement).where(
        DeviceState.replacement.is_not(None)
    )
    return {pk: words or "" for pk, words in session.execute(query)}


def _foreseen(session: Session, now: datetime) -> dict[int, str]:
    """Devices with a pack that may fall below its threshold before a new one would be here.

    By the early end of its interval: by the middle three in ten would be ordered too late
    (`make bench-foresight`).
    """
    weeks = func.coalesce(PackModel.lead_time_weeks, LEAD_WEEKS)
    query = (
        select(BatteryPack.device_pk, PackState.falls_from, PackState.why, weeks)
        .join(PackState, PackState.pack_id == BatteryPack.id)
        .join(
            Device,
            and_(Device.id == BatteryPack.device_pk, Device.lifecycle == Lifecycle.ENROLLED),
        )
        .outerjoin(PackModel, PackModel.model == BatteryPack.model)
        .where(PackState.removed_at.is_(None), PackState.falls_from.is_not(None))
        .order_by(PackState.falls_from.desc())
    )
    return {
        pk: f"may fall within the lead time of {lead} weeks: {words}"
        for pk, falls_from, words, lead in session.execute(query)
        if falls_from is not None and falls_from <= now.date() + timedelta(weeks=lead)
    }
