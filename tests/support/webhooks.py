"""Webhooks of a small hospital, and what they were told."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import event, select

from fleet.dispatch.post import Network
from fleet.dispatch.webhooks import Deliverer
from fleet.domain.webhooks.addresses import Allowed
from fleet.domain.webhooks.events import EVENTS
from fleet.services.fix_fault import fix_fault
from fleet.services.holds import Hand
from fleet.services.report_fault import report_fault
from fleet.services.webhooks.add import Here, Wanted, add_webhook
from fleet.store.database import db
from fleet.store.models import WebhookDelivery
from tests.support.hospital import NOON, reading, run_low, say, telemetry
from tests.support.receiver import (
    Receiver,
)
from tests.support.waiting import wait_until

BEN = Hand("user:ben")
KEY = "0123456789abcdef" * 4
HOST = "tickets.example"
ALLOWED = Allowed(names=frozenset({HOST, "pager.example"}))
"""So that plain HTTP is taken; that the hosts are public, the test's network says."""


def add(
    *events: str, url: str = f"http://{HOST}/hook?a=1", sites: tuple[str, ...] = ()
) -> tuple[int, str]:
    wanted = Wanted("Tickets", url, events or EVENTS, sites)
    return add_webhook(wanted, Here(KEY, ALLOWED, "https://fleet.example/"), "user:ada", NOON)


@contextmanager
def deliverer(network: Network) -> Iterator[Deliverer]:
    made = Deliverer(KEY, ALLOWED, network)
    yield made
    made.close()


def said(to: Receiver) -> list[str]:
    return [json.loads(heard.body)["type"] for heard in to.heard]


def deliveries() -> list[WebhookDelivery]:
    db.session.rollback()
    return list(db.session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def call_to_charge() -> None:
    run_low()
    say("telemetry", telemetry(reading(1, soc=9)))


def tickets_of_a_day() -> tuple[int, int, int]:
    """The ids of tickets behind three deliveries: opened, fixed, and another opened."""
    first = report_fault("cart-001", "screen", BEN, NOON).key
    fix_fault(first, "user:ada", NOON)
    other = report_fault("cart-002", "screen", BEN, NOON).key
    return first, first, other


def run(deliver: Deliverer, now: datetime = NOON) -> None:
    """Turns until nobody is being called."""
    deliver(now)
    wait_until(lambda: all(call.done() for call in deliver._calls.values()), 30)
    deliver(now)
    wait_until(lambda: all(call.done() for call in deliver._calls.values()), 30)


def told() -> list[tuple[str, str | None, str | None]]:
    return [(each.event, each.kind, each.asset_tag) for each in deliveries()]


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)


def seen_one(seen: list[str]) -> str:
    return next(statement for statement in seen if "INTO webhook_delivery" in statement)
