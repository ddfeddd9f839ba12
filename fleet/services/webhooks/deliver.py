"""What waits for which receiver, and what has come of trying; `dispatch` does the trying."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from fleet.domain.webhooks.events import DeliveryState
from fleet.domain.webhooks.retries import aside, rest
from fleet.services.webhooks.add import end_all
from fleet.store.database import db, transaction
from fleet.store.webhook import Webhook, WebhookDelivery

AT_ONCE = 50
"""Deliveries that a receiver is given in one go; after a crash so many may come twice."""
_SOONER = 2 * rest(1_000)
"""A rest that ends later than this is one of a clock that was put back since."""


class Result(NamedTuple):
    """`problem` None: the receiver has taken it."""

    delivery_id: int
    tries: int
    was_aside: bool
    problem: str | None


class Waiting(NamedTuple):
    webhook: Webhook
    deliveries: Sequence[WebhookDelivery]


def waiting(now: datetime, busy: Collection[int]) -> list[Waiting]:
    """Of each receiver that is not left alone and not `busy`: what is due, the oldest first."""
    due = (WebhookDelivery.state == DeliveryState.WAITING) & (WebhookDelivery.next_at <= now)
    rested = or_(
        Webhook.rests_until.is_(None),
        Webhook.rests_until <= now,
        Webhook.rests_until > now + _SOONER,
    )
    hooks = db.session.scalars(
        select(Webhook).where(
            Webhook.removed_at.is_(None),
            Webhook.id.not_in(busy),
            rested,
            exists().where(WebhookDelivery.webhook_id == Webhook.id, due),
        )
    ).all()
    found = []
    for hook in hooks:
        query = select(WebhookDelivery).where(WebhookDelivery.webhook_id == hook.id, due)
        rows = db.session.scalars(query.order_by(WebhookDelivery.id).limit(AT_ONCE)).all()
        found.append(Waiting(hook, rows))
    for each in found:  # as they were read, whatever happens in other transactions
        for row in (each.webhook, *each.deliveries):
            db.session.expunge(row)
    db.session.rollback()
    return found


def settle(webhook_id: int, results: Sequence[Result], now: datetime) -> None:
    """Of one go, in the order in which they were tried; the last one may have failed.

    One that failed before others that were taken is the trouble itself, not the receiver: it is put
    aside, and holds up nobody. Else the receiver is left alone for a while.

    The webhook is locked before its deliveries, as by whoever removes it. One that was removed
    meanwhile is told nothing more.
    """
    with transaction() as session:
        row = _locked(session, webhook_id)
        if row.removed_at is not None:
            end_all(session, webhook_id, DeliveryState.WAITING, now)
            return
        taken = [at for at, result in enumerate(results) if result.problem is None]
        last_taken = taken[-1] if taken else -1
        _mark_delivered(session, [results[at].delivery_id for at in taken], now)
        failed = [(at, result) for at, result in enumerate(results) if result.problem is not None]
        for at, result in failed:
            alone = at < last_taken or result.was_aside
            _mark_failed(session, result, now, next_at=now + aside(result.tries) if alone else None)
        receiver_fails = any(at > last_taken and not each.was_aside for at, each in failed)
        _note_receiver(row, bool(taken), receiver_fails, now)
        if failed:
            _give_up(session, webhook_id, now)


def _mark_delivered(session: Session, ids: list[int], now: datetime) -> None:
    done = update(WebhookDelivery).where(WebhookDelivery.id.in_(ids), _IS_WAITING)
    session.execute(
        done.values(
            state=DeliveryState.DELIVERED, ended_at=now, tried_at=now, problem=None,
            tries=WebhookDelivery.tries + 1,
        ).execution_options(synchronize_session=False)
    )  # fmt: skip


def _mark_failed(session: Session, result: Result, now: datetime, next_at: datetime | None) -> None:
    values: dict[str, Any] = {
        "tries": result.tries,
        "tried_at": now,
        "problem": (result.problem or "")[:256],
    }
    if next_at is not None:
        values["next_at"] = next_at
    one = update(WebhookDelivery).where(WebhookDelivery.id == result.delivery_id, _IS_WAITING)
    session.execute(one.values(**values).execution_options(synchronize_session=False))


def _locked(session: Session, webhook_id: int) -> Webhook:
    """Against other changes of it alone: who writes new deliveries to it must not wait."""
    query = select(Webhook).where(Webhook.id == webhook_id).with_for_update(key_share=True)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _note_receiver(row: Webhook, takes: bool, fails: bool, now: datetime) -> None:
    if takes:
        row.failures, row.failing_since, row.rests_until = 0, None, None
    if fails:
        row.failures += 1
        row.failing_since = row.failing_since or now
        row.rests_until = now + rest(row.failures)


def _give_up(session: Session, webhook_id: int, now: datetime) -> None:
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id, _IS_WAITING, WebhookDelivery.until <= now)
        .values(state=DeliveryState.GIVEN_UP, ended_at=now)
        .execution_options(synchronize_session=False)
    )


_IS_WAITING = WebhookDelivery.state == DeliveryState.WAITING
