"""What waits for a human: how many of each, and since when the oldest of them."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, func, select
from sqlalchemy.orm import aliased

from fleet.domain.access import ALL, Reach
from fleet.domain.rollout.words import RolloutState
from fleet.domain.webhooks.events import DeliveryState
from fleet.domain.words import AlertState, Lifecycle
from fleet.store.database import db
from fleet.store.enrolment import Certificate, EnrolmentToken
from fleet.store.models import (
    Alert,
    AuditEntry,
    Device,
    QuarantinedMessage,
    Rollout,
    Ward,
    Webhook,
    WebhookDelivery,
)
from fleet.store.queries.alerts import alerts_within
from fleet.store.queries.enrolment import WAITS
from fleet.store.queries.overview import Tally
from fleet.store.queries.whereabouts import scope_within
from fleet.store.types import Instant


class Standing(NamedTuple):
    """`since`: when the oldest began; None where there is none, or where nobody knows."""

    number: int = 0
    since: datetime | None = None


class ShortWard(NamedTuple):
    slug: str
    name: str
    available: int
    least: int


def open_alerts(reach: Reach = ALL) -> dict[str, Standing]:
    """By kind; those that nobody has acknowledged."""
    query = select(Alert.kind, func.count(), _oldest(Alert.opened_at))
    query = query.where(Alert.state == AlertState.OPEN, alerts_within(reach)).group_by(Alert.kind)
    return {row[0]: Standing(row[1], row[2]) for row in db.session.execute(query)}


def halted_rollouts(reach: Reach = ALL) -> Standing:
    """`since`: when the alert of the first of them was opened."""
    stands = (Alert.rollout_id == Rollout.id) & (Alert.state != AlertState.RESOLVED)
    query = select(func.count(Rollout.id.distinct()), _oldest(Alert.opened_at))
    query = query.select_from(Rollout).outerjoin(Alert, stands)
    return _one(query.where(Rollout.state == RolloutState.HALTED, _is_theirs(reach)))


def proposed_rollouts(reach: Reach = ALL) -> Standing:
    query = select(func.count(), _oldest(Rollout.created_at))
    return _one(query.where(Rollout.state == RolloutState.PROPOSED, _is_theirs(reach)))


def _is_theirs(reach: Reach) -> ColumnElement[bool]:
    return scope_within(Rollout.scope, Rollout.scope_key, reach)


def devices_waiting() -> Standing:
    """For approval, with a token that they have shown."""
    query = select(func.count(), _oldest(EnrolmentToken.used_at))
    return _one(query.where(*WAITS))


def quarantined(since: datetime) -> Standing:
    received_at = QuarantinedMessage.received_at
    return _one(select(func.count(), _oldest(received_at)).where(received_at >= since))


def device_certificates(until: datetime) -> Standing:
    """Devices whose last certificate ends before that, or has ended; `since`: the first end."""
    newer = aliased(Certificate)
    is_renewed = (
        select(newer.id)
        .where(newer.device_pk == Certificate.device_pk, newer.id > Certificate.id)
        .exists()
    )
    query = (
        select(func.count(), _oldest(Certificate.expires_at))
        .join(Device, Device.id == Certificate.device_pk)
        .where(
            Device.lifecycle == Lifecycle.ENROLLED,
            Certificate.expires_at <= until,
            Certificate.revoked_at.is_(None),
            ~is_renewed,
        )
    )
    return _one(query)


def given_up_deliveries() -> Standing:
    """Of webhooks that stand; `since`: when the first of them was given up."""
    sent = WebhookDelivery
    query = select(func.count(), _oldest(sent.ended_at)).join(
        Webhook, Webhook.id == sent.webhook_id
    )
    is_given_up = sent.state == DeliveryState.GIVEN_UP
    return _one(query.where(is_given_up, Webhook.removed_at.is_(None)))


def failing_webhooks(since: datetime) -> Standing:
    """Those that have taken nothing since then."""
    query = select(func.count(), _oldest(Webhook.failing_since))
    return _one(query.where(Webhook.failing_since <= since, Webhook.removed_at.is_(None)))


def newest_entry_at(action: str) -> datetime | None:
    """When that was last done, by the audit."""
    query = select(AuditEntry.at).where(AuditEntry.action == action)
    return db.session.scalar(query.order_by(AuditEntry.id.desc()).limit(1))


def short_wards(tallies: list[Tally], kind: str, word: str) -> list[ShortWard]:
    """Wards that have devices of this kind, and fewer that are `word` than they must."""
    there: dict[int, int] = {}
    for tally in tallies:
        if tally.kind == kind:
            found = there.setdefault(tally.ward_id, 0)
            there[tally.ward_id] = found + tally.devices * (tally.availability == word)
    query = select(Ward.id, Ward.slug, Ward.name, Ward.min_available).order_by(Ward.name)
    return [
        ShortWard(slug, name, there[ward_id], least)
        for ward_id, slug, name, least in db.session.execute(query)
        if ward_id in there and there[ward_id] < least
    ]


def _oldest(moment: SQLColumnExpression[Any]) -> ColumnElement[datetime | None]:
    return func.min(moment, type_=Instant)


def _one(query: Select[int, datetime | None]) -> Standing:
    number, since = db.session.execute(query).one()
    return Standing(number, since)
