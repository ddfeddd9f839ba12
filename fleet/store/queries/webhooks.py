"""Webhooks as IT sees them, and what became of what they were told."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select

from fleet.domain.webhooks.addresses import origin_of
from fleet.domain.webhooks.events import DeliveryState
from fleet.store.database import db
from fleet.store.models import Webhook, WebhookDelivery
from fleet.store.types import Instant


class WebhookRow(NamedTuple):
    """`sites`: slugs; none: of everything. `failing_since`: it has taken nothing since."""

    id: int
    name: str
    url: str
    events: list[str]
    sites: list[str]
    made_at: datetime
    made_by: str
    failing_since: datetime | None
    waiting: int
    given_up: int
    taken_at: datetime | None

    @property
    def origin(self) -> str:
        """What of its address may be shown: the rest may hold a secret."""
        return origin_of(self.url)


class DeliveryRow(NamedTuple):
    id: int
    event: str
    at: datetime
    kind: str | None
    asset_tag: str | None
    ward_name: str | None
    site_name: str | None
    state: str
    tries: int
    tried_at: datetime | None
    ended_at: datetime | None
    problem: str | None


class DeliveryPage(NamedTuple):
    """`before`: the id before which the next page begins; None at the end."""

    rows: list[DeliveryRow]
    before: int | None


def webhooks(webhook_id: int | None = None) -> list[WebhookRow]:
    """Those that stand, by name."""
    query = select(Webhook).where(Webhook.removed_at.is_(None))
    if webhook_id is not None:
        query = query.where(Webhook.id == webhook_id)
    rows = db.session.scalars(query.order_by(Webhook.name, Webhook.id)).all()
    waiting, given_up = (_count(state) for state in (DeliveryState.WAITING, DeliveryState.GIVEN_UP))
    taken = _last_taken()
    return [
        WebhookRow(
            row.id, row.name, row.url, row.events, row.sites, row.made_at, row.made_by,
            row.failing_since, waiting.get(row.id, 0), given_up.get(row.id, 0), taken.get(row.id),
        )
        for row in rows
    ]  # fmt: skip


def find_deliveries(webhook_id: int, before: int | None = None, limit: int = 50) -> DeliveryPage:
    """The newest first."""
    columns = (getattr(WebhookDelivery, name) for name in DeliveryRow._fields)
    query = select(*columns).where(WebhookDelivery.webhook_id == webhook_id)
    if before is not None:
        query = query.where(WebhookDelivery.id < before)
    query = query.order_by(WebhookDelivery.id.desc()).limit(limit + 1)
    rows = [DeliveryRow(*row) for row in db.session.execute(query)]
    return DeliveryPage(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)


def _count(state: DeliveryState) -> dict[int, int]:
    query = select(WebhookDelivery.webhook_id, func.count()).where(WebhookDelivery.state == state)
    return {
        row[0]: row[1] for row in db.session.execute(query.group_by(WebhookDelivery.webhook_id))
    }


def _last_taken() -> dict[int, datetime | None]:
    newest = (
        select(func.max(WebhookDelivery.id))
        .where(WebhookDelivery.state == DeliveryState.DELIVERED)
        .group_by(WebhookDelivery.webhook_id)
    )
    ended_at = func.max(WebhookDelivery.ended_at, type_=Instant)
    query = select(WebhookDelivery.webhook_id, ended_at).where(WebhookDelivery.id.in_(newest))
    return {
        row[0]: row[1] for row in db.session.execute(query.group_by(WebhookDelivery.webhook_id))
    }
