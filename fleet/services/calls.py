"""Calls to charge a device, after they are raised: said once more, and what became of each."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.orm import Session

from fleet.domain.calls import escalates, outcome, was_right
from fleet.domain.condition import Condition
from fleet.domain.webhooks.events import Event
from fleet.domain.words import AlertKind, AlertState
from fleet.services.wards import touch, wards_of
from fleet.services.webhooks.tell import tell
from fleet.store.alert import Alert
from fleet.store.database import transaction
from fleet.store.device import DeviceState
from fleet.store.driver import among
from fleet.store.locks import hold

_LOOKED_AT = ("soc_pct", "charging", "plugged_in", "runtime_min", "needs_charging", "sampled_at",
              "empty_min")  # fmt: skip
"""Of a condition, by those rules."""


class Call(NamedTuple):
    """`silent`: its device is not heard of."""

    alert_id: int
    device_pk: int
    raised_at: datetime
    condition: Condition
    silent: bool = False


def follow_calls(now: datetime) -> int:
    """What time alone decides of standing calls; returns how many are said once more."""
    with transaction() as session:
        to_escalate, to_judge = _due(session, _standing(), now)
        found = {call.device_pk for call in to_escalate + to_judge}
        if not found:
            return 0
        # Whose reading is being recorded has perhaps been plugged in: looked at again, held.
        theirs = among(session, DeviceState.device_pk, sorted(found))
        hold(session, theirs)
        to_escalate, to_judge = _due(session, _standing() & theirs, now)
        _escalate(session, to_escalate, now)
        note_outcomes(session, to_judge, now)
        touch(session, wards_of(session, [call.device_pk for call in to_escalate]))
    return len(to_escalate)


def note_outcomes(session: Session, calls: Iterable[Call], now: datetime) -> None:
    """Part of a transaction: what became of them, where that is decided and was not before."""
    for call in calls:
        became = outcome(call.condition, call.silent, call.raised_at, now)
        if became is not None:
            right = was_right(became, call.condition, call.raised_at)
            session.execute(
                update(Alert)
                .where(Alert.id == call.alert_id, Alert.outcome.is_(None))
                .values(outcome=became, was_right=right)
                .execution_options(synchronize_session=False)
            )


def _standing() -> ColumnElement[bool]:
    return (
        (Alert.kind == AlertKind.NEEDS_CHARGING)
        & (Alert.state != AlertState.RESOLVED)
        & or_(Alert.escalated_at.is_(None), Alert.outcome.is_(None))
    )


def _due(
    session: Session, which: ColumnElement[bool], now: datetime
) -> tuple[list[Call], list[Call]]:
    """Of these calls: to be escalated, and decided."""
    columns = [getattr(DeviceState, name) for name in _LOOKED_AT]
    query = (
        select(Alert.id, Alert.device_pk, Alert.opened_at, Alert.escalated_at, Alert.outcome)
        .add_columns(DeviceState.online, *columns)
        .join(DeviceState, DeviceState.device_pk == Alert.device_pk)
    )
    to_escalate, to_judge = [], []
    for pk, device_pk, at, escalated_at, became, online, *values in session.execute(
        query.where(which)
    ):
        condition = Condition(**dict(zip(_LOOKED_AT, values, strict=True)))
        call = Call(pk, device_pk, at, condition, silent=not online)
        if escalated_at is None and escalates(condition, at, now):
            to_escalate.append(call)
        if became is None and outcome(condition, call.silent, at, now) is not None:
            to_judge.append(call)
    return to_escalate, to_judge


def _escalate(session: Session, calls: list[Call], now: datetime) -> None:
    """Once: whoever finds that it is said already, by another process, says nothing."""
    said = session.execute(
        update(Alert)
        .where(among(session, Alert.id, [call.alert_id for call in calls]))
        .where(Alert.escalated_at.is_(None), Alert.state != AlertState.RESOLVED)
        .values(escalated_at=now)
        .returning(Alert.id)
        .execution_options(synchronize_session=False)
    )
    tell(session, Event.ALERT_ESCALATED, said.scalars().all(), now)
