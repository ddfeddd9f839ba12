"""Webhooks of the busy night: one that takes messages, one that does not."""

from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import select

from fleet.domain.webhooks.events import EVENTS, DeliveryState
from fleet.services.webhooks.add import Here, Wanted, add_webhook
from fleet.services.webhooks.deliver import Result, settle
from fleet.services.webhooks.steer import send_test
from fleet.store.database import db
from fleet.store.models import WebhookDelivery


def put_up_webhooks(actor: str, now: datetime) -> None:
    settings = current_app.config["FLEET"]
    here = Here(settings.secret_key(), settings.webhook_hosts, "https://fleet.lindenhof.example/")
    for name, host in (("Ticket system", "tickets"), ("Pager of the night shift", "pager")):
        url = f"https://{host}.lindenhof.example/hooks/wardfleet"
        add_webhook(Wanted(name, url, EVENTS), here, actor, now - timedelta(days=20))


def answer_webhooks(actor: str, now: datetime) -> None:
    """The first took the older half, then answered 503; the second was tried in vain for a day."""
    first = _waiting(1)
    took = [Result(pk, 1, False, None) for pk in first[: len(first) // 2]]
    settle(1, [*took, Result(first[-1], 2, False, "answered 503")], now)
    send_test(2, actor, now - timedelta(days=2))
    settle(2, [Result(_waiting(2)[-1], 40, False, "no answer within 10 s")], now)


def _waiting(webhook_id: int) -> list[int]:
    sent = WebhookDelivery
    query = select(sent.id).where(
        sent.webhook_id == webhook_id, sent.state == DeliveryState.WAITING
    )
    return list(db.session.scalars(query.order_by(sent.id)))
