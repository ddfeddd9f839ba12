"""What has happened is written down for every webhook that wants to hear of it.

In the transaction of the change itself, as one statement at its end, however many alerts it opened
at one moment: for the path that every reading takes. Where there is no webhook that is one short
look.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Null,
    Select,
    cast,
    func,
    insert,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from fleet.domain.webhooks.events import OF_ALERTS, DeliveryState, Event
from fleet.domain.webhooks.retries import GIVEN_UP_AFTER
from fleet.store.alert import Alert
from fleet.store.database import leave_for_last
from fleet.store.device import Device
from fleet.store.driver import among
from fleet.store.holding import FaultReport
from fleet.store.rollout import Rollout
from fleet.store.site import Site, Ward
from fleet.store.types import Instant
from fleet.store.webhook import Webhook, WebhookDelivery

TERMS_AT_ONCE = 50
"""Of one UNION, each with some ten values; SQLite takes 500 of them."""


class _Told(NamedTuple):
    event: Event
    ids: Sequence[int]
    at: datetime


class _Hook(NamedTuple):
    id: int
    events: list[str]
    sites: list[str]


def tell(session: Session, event: Event, ids: Sequence[int], now: datetime) -> None:
    """Part of a transaction. `ids`: of alerts or of tickets, by what the event is of."""
    if ids:
        leave_for_last(session, _append, _Told(event, ids, now))


def _append(session: Session, told: list[_Told]) -> None:
    query = select(Webhook.id, Webhook.events, Webhook.sites)
    standing = session.execute(query.where(Webhook.removed_at.is_(None)).order_by(Webhook.id))
    hooks = [_Hook(*row) for row in standing]
    rows = [
        _rows(session, one, hook)
        for one in _merged(told)
        for hook in hooks
        if one.event in hook.events
    ]
    for begin in range(0, len(rows), TERMS_AT_ONCE):
        some = rows[begin : begin + TERMS_AT_ONCE]
        everything = union_all(*some) if len(some) > 1 else some[0]
        names = [column.name for column in some[0].selected_columns]
        session.execute(insert(WebhookDelivery).from_select(names, everything))


def _merged(told: Sequence[_Told]) -> list[_Told]:
    """What happened at the same moment together, in the order in which it was said first."""
    ids: dict[tuple[Event, datetime], list[int]] = {}
    for one in told:
        ids.setdefault((one.event, one.at), []).extend(one.ids)
    return [_Told(event, keys, at) for (event, at), keys in ids.items()]


def _rows(session: Session, told: _Told, hook: _Hook) -> Select[*tuple[Any, ...]]:
    of_alerts = told.event in OF_ALERTS
    query = _of_alerts(session, told) if of_alerts else _of_tickets(session, told)
    query = query.add_columns(
        literal(hook.id).label("webhook_id"),
        literal(told.event.value).label("event"),
        literal(told.at, Instant()).label("at"),
        literal(DeliveryState.WAITING.value).label("state"),
        literal(told.at, Instant()).label("next_at"),
        literal(told.at + GIVEN_UP_AFTER, Instant()).label("until"),
        literal(0).label("tries"),
    )
    return query.where(Site.slug.in_(hook.sites)) if hook.sites else query


def _of_alerts(session: Session, told: _Told) -> Select[*tuple[Any, ...]]:
    return (
        select(*_facts(Alert.id, null(), Alert.kind, Alert.detail, Alert.opened_at, Rollout.id))
        .select_from(Alert)
        .outerjoin(Device, Device.id == Alert.device_pk)
        .outerjoin(Ward, Ward.id == func.coalesce(Alert.ward_id, Device.ward_id))
        .outerjoin(Site, Site.id == func.coalesce(Alert.site_id, Ward.site_id))
        .outerjoin(Rollout, Rollout.id == Alert.rollout_id)
        .where(among(session, Alert.id, told.ids))
    )


def _of_tickets(session: Session, told: _Told) -> Select[*tuple[Any, ...]]:
    report = FaultReport
    return (
        select(*_facts(null(), report.id, report.reason, null(), report.reported_at, null()))
        .select_from(report)
        .join(Device, Device.id == report.device_pk)
        .join(Ward, Ward.id == Device.ward_id)
        .join(Site, Site.id == Ward.site_id)
        .where(among(session, report.id, told.ids))
    )


def _facts(*own: Any) -> list[ColumnElement[Any]]:
    """`own`: alert, ticket, kind, detail, since when, rollout; NULL where it has none."""
    names = ("alert_id", "ticket_id", "kind", "detail", "opened_at", "rollout_id")
    facts = zip(names, own, strict=True)
    labelled = [_typed(name, value) for name, value in facts]
    for name, column in (
        ("device_id", Device.device_id), ("asset_tag", Device.asset_tag), ("ward", Ward.slug),
        ("ward_name", Ward.name), ("site", Site.slug), ("site_name", Site.name),
    ):  # fmt: skip
        labelled.append(column.label(name))
    return labelled


def _typed(name: str, value: Any) -> ColumnElement[Any]:
    """PostgreSQL takes a bare NULL in a UNION for a text."""
    column: Any = getattr(WebhookDelivery, name)
    return (cast(value, column.type) if isinstance(value, Null) else value).label(name)
