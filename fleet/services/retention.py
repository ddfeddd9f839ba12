"""What has had its time is forgotten, class by class."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Row,
    Select,
    TextClause,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from fleet.domain.age import NOT_BEFORE
from fleet.domain.retention import Ages, Kept
from fleet.domain.webhooks.events import DeliveryState
from fleet.domain.words import AlertState
from fleet.services.attempts import WITHIN
from fleet.services.audit_retention import forget_old_entries
from fleet.services.partitions import drop_partitions
from fleet.store.alert import Alert, Transition
from fleet.store.database import db, transaction
from fleet.store.device import Device
from fleet.store.enrolment import Certificate, EnrolmentToken
from fleet.store.holding import CheckOut, FaultReport
from fleet.store.people import LoginSession, SetupLink, SignInFailure
from fleet.store.quarantine import QuarantinedMessage
from fleet.store.reading import Reading, is_misdated
from fleet.store.rollout import (
    Blackout,
    DeviceCommand,
    FirmwareJob,
    ProfilePin,
    Rollout,
    RolloutDevice,
    RolloutRing,
)
from fleet.store.rollup import DAY, DailyRollup, HourlyRollup, day_of
from fleet.store.webhook import Webhook, WebhookDelivery

ROWS_AT_ONCE = 5_000
DEVICES_AT_ONCE = 4
"""Of which a day is deleted in one transaction: some 10,000 readings, 50 ms on SQLite."""
QUARANTINE_OF_ONE = 500
"""Of one sender so many messages are kept: they are all alike, and a broken one sends for ever."""
QUARANTINE_OF_ALL = 50_000


def forget_old(ages: Ages, now: datetime) -> None:
    """Delete what is older than its class may become, a little at a time."""
    for kept, forget in FORGET.items():
        forget(now - ages[kept])
    forget_old_entries(now - ages[Kept.AUDIT], now)
    _delete(delete(LoginSession).where(LoginSession.expires_at < now))
    _delete(delete(SetupLink).where(SetupLink.expires_at < now))
    _delete(delete(SignInFailure).where(SignInFailure.at <= now - WITHIN))


def _forget_readings(before: datetime) -> None:
    drop_partitions(day_of(before))
    was_set = Reading.sampled_at >= NOT_BEFORE
    _forget_by_device(Reading.device_pk, Reading.sampled_at, before, was_set)
    _forget_misdated(before)


def _forget_hourly(before: datetime) -> None:
    _forget_by_device(HourlyRollup.device_pk, HourlyRollup.start, before)


def _forget_daily(before: datetime) -> None:
    _forget_by_device(DailyRollup.device_pk, DailyRollup.start, before)


def _forget_changes(before: datetime) -> None:
    _forget_in_order(Transition.id, Transition.at, before)
    resolved = Alert.state == AlertState.RESOLVED, Alert.resolved_at < before
    # They were opened before they were resolved: that is what an index serves.
    _delete(delete(Alert).where(*resolved, Alert.opened_at < before))
    for done in (FaultReport, CheckOut):
        _delete(delete(done).where(done.ended_at < before))


def _forget_quarantine(before: datetime) -> None:
    message = QuarantinedMessage
    _delete(delete(message).where(message.received_at < before))
    _delete(delete(message).where(message.id.in_(_too_many())))


def _forget_commands(before: datetime) -> None:
    _delete(delete(DeviceCommand).where(DeviceCommand.ended_at < before))


def _forget_rollouts(before: datetime) -> None:
    """One that brought another back goes before that, and so the newest first."""
    while found := _read(_rollouts_to_forget(before).limit(1)):
        rollout_id = found[0].id
        devices = select(RolloutDevice.id).where(RolloutDevice.rollout_id == rollout_id)
        while some := _read(devices.limit(ROWS_AT_ONCE)):
            keys = [row.id for row in some]
            _delete(delete(FirmwareJob).where(FirmwareJob.rollout_device_id.in_(keys)))
            _delete(delete(RolloutDevice).where(RolloutDevice.id.in_(keys)))
        _delete(delete(RolloutRing).where(RolloutRing.rollout_id == rollout_id))
        _delete(delete(Rollout).where(Rollout.id == rollout_id))
    _delete(delete(Blackout).where(Blackout.ended_at < before))


def _rollouts_to_forget(before: datetime) -> Select[int]:
    """Ended, and not the reason why any device has another version than its assignment says."""
    other = aliased(Rollout)
    return (
        select(Rollout.id)
        .where(
            Rollout.ended_at < before,
            ~exists().where(ProfilePin.rollout_id == Rollout.id),
            ~exists().where(other.reverts_id == Rollout.id),
        )
        .order_by(Rollout.id.desc())
    )


def _forget_enrolment(before: datetime) -> None:
    """Not the newest certificate of a device, nor a token whose device waits for approval."""
    newer = aliased(Certificate)
    is_not_newest = exists().where(
        newer.device_pk == Certificate.device_pk, newer.id > Certificate.id
    )
    _delete(delete(Certificate).where(Certificate.expires_at < before, is_not_newest))
    token = EnrolmentToken
    waits_for_nobody = or_(token.used_at.is_(None), token.withdrawn_at.is_not(None), token.approved)
    made_no_certificate = ~exists().where(Certificate.token_id == token.id)
    _delete(delete(token).where(token.expires_at < before, waits_for_nobody, made_no_certificate))


def _forget_webhooks(before: datetime) -> None:
    """What became of deliveries, those that were given up too; what waits has not ended.

    What was written for a webhook while it was being removed waits for nobody.
    """
    sent = WebhookDelivery
    removed = select(Webhook.removed_at).where(Webhook.id == sent.webhook_id)
    left = sent.webhook_id.in_(select(Webhook.id).where(Webhook.removed_at.is_not(None)))
    with transaction() as session:
        session.execute(
            update(sent)
            .where(sent.state == DeliveryState.WAITING, left)
            .values(state=DeliveryState.LET_BE, ended_at=removed.scalar_subquery())
            .execution_options(synchronize_session=False)
        )
    ended = select(sent.id).where(sent.ended_at < before).limit(ROWS_AT_ONCE)
    while some := _read(ended):
        _delete(delete(sent).where(sent.id.in_([row.id for row in some])))


FORGET: Mapping[Kept, Callable[[datetime], None]] = {
    Kept.READINGS: _forget_readings,
    Kept.HOURLY: _forget_hourly,
    Kept.DAILY: _forget_daily,
    Kept.CHANGES: _forget_changes,
    Kept.QUARANTINE: _forget_quarantine,
    Kept.COMMANDS: _forget_commands,
    Kept.ROLLOUTS: _forget_rollouts,
    Kept.ENROLMENT: _forget_enrolment,
    Kept.WEBHOOKS: _forget_webhooks,
}
"""Each class but the audit, whose chain has a way of its own."""


def _forget_by_device(
    device_pk: InstrumentedAttribute[int],
    moment: InstrumentedAttribute[datetime],
    before: datetime,
    *conditions: ColumnElement[bool] | TextClause,
) -> None:
    """From a table with an index on (device, moment): whole days in UTC, each of a few devices."""
    day = day_of(before)
    oldest = select(func.min(moment)).where(device_pk == Device.id, moment < day, *conditions)
    found = select(Device.id, oldest.scalar_subquery().label("oldest")).subquery().c
    query = select(found.id, found.oldest).where(found.oldest.is_not(None))
    _forget_days(device_pk, moment, day, query, *conditions)


def _forget_misdated(before: datetime) -> None:
    """What is misdated goes by its arrival: neither at once nor never."""
    day = day_of(before)
    device_pk, moment = Reading.device_pk, Reading.received_at
    oldest = func.min(moment).label("oldest")
    query = select(device_pk, oldest).where(moment < day, is_misdated()).group_by(device_pk)
    _forget_days(device_pk, moment, day, query, is_misdated())


def _forget_days(
    device_pk: InstrumentedAttribute[int],
    moment: InstrumentedAttribute[datetime],
    before: datetime,
    oldest: Select[*tuple[Any, ...]],
    *conditions: ColumnElement[bool] | TextClause,
) -> None:
    """`oldest`: (device, moment of its oldest row that is due) of each that has any."""
    while found := _read(oldest.order_by(text("oldest"))):
        for begin in range(0, len(found), DEVICES_AT_ONCE):
            some = found[begin : begin + DEVICES_AT_ONCE]
            until = min(some[0].oldest + DAY, before)
            devices = device_pk.in_([row[0] for row in some])
            _delete(delete(moment.class_).where(devices, moment < until, *conditions))


def _forget_in_order(
    key: InstrumentedAttribute[int], written_at: InstrumentedAttribute[datetime], before: datetime
) -> None:
    """From a table whose key rises with time: from its beginning on, as far as need be."""
    while first := _read(select(key, written_at).order_by(key).limit(ROWS_AT_ONCE)):
        old = [pk for pk, at in first if at < before]
        _delete(delete(key.class_).where(key.in_(old)))
        if len(old) < len(first):
            return


def _too_many() -> Select[int]:
    """Quarantined messages beyond the newest of their sender, and beyond the newest of all."""
    newest_first = QuarantinedMessage.id.desc()
    ranked = select(
        QuarantinedMessage.id,
        func.row_number()
        .over(partition_by=QuarantinedMessage.device_id, order_by=newest_first)
        .label("of_one"),
        func.row_number().over(order_by=newest_first).label("of_all"),
    ).subquery()
    return select(ranked.c.id).where(
        (ranked.c.of_one > QUARANTINE_OF_ONE) | (ranked.c.of_all > QUARANTINE_OF_ALL)
    )


def _read(query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
    rows = db.session.execute(query).all()
    db.session.rollback()
    return rows


def _delete(statement: Delete) -> None:
    """One short transaction, and a pause as long, in which others get to write."""
    begun = time.monotonic()
    with transaction() as session:
        session.execute(statement.execution_options(synchronize_session=False))
    time.sleep(time.monotonic() - begun)
