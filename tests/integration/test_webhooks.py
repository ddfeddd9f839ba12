"""Alerts and tickets reach other systems: signed, in order, and never lost without a word."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as IndependentReceiver

from fleet.dispatch.post import Network
from fleet.dispatch.webhooks import Deliverer
from fleet.domain.webhooks.addresses import Allowed
from fleet.domain.webhooks.events import EVENTS
from fleet.services.webhooks.add import Here, Wanted, add_webhook
from fleet.store.clock import service_now
from fleet.store.database import db
from fleet.store.models import WebhookDelivery
from tests.support.hospital import NOON, build_hospital, reading, run_low, say, telemetry
from tests.support.receiver import Receiver, reached_at, receiver

KEY = "0123456789abcdef" * 4
HOST = "tickets.example"
ALLOWED = Allowed(names=frozenset({HOST, "pager.example"}))
"""So that plain HTTP is taken; that the hosts are public, the test's network says."""


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


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


def test_an_alert_reaches_the_receiver_signed_and_says_what_it_is_about() -> None:
    _, secret = add()
    run_low()
    with receiver() as tickets, deliverer(reached_at({HOST: tickets.port})) as deliver:
        say("telemetry", telemetry(reading(1, soc=9)))
        deliver(service_now())
        (heard,) = tickets.heard
    assert heard.path == "/hook?a=1"
    told = IndependentReceiver(secret).verify(heard.body, dict(heard.headers))
    assert told["type"] == "alert.opened"
    assert told["alert"]["kind"] == "needs_charging"
    assert told["device"] == {"id": "cart-001", "asset_tag": "CART-001"}
    assert told["ward"] == {"slug": "ward-3a", "name": "3A"}
    assert told["site"] == {"slug": "lindenhof", "name": "Lindenhof"}
    assert told["link"] == "https://fleet.example/it/devices/cart-001"
    (delivery,) = deliveries()
    assert (delivery.state, delivery.tries, delivery.problem) == ("delivered", 1, None)
