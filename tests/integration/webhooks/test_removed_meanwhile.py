"""A webhook is removed while something else goes on: nothing waits for it, nobody in a circle."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from fleet.domain.retention import CLASSES
from fleet.domain.webhooks.events import DeliveryState
from fleet.services.retention import forget_old
from fleet.services.webhooks.add import end_all, remove_webhook, standing
from fleet.services.webhooks.deliver import Result, settle
from fleet.services.webhooks.steer import send_test
from fleet.store.database import db, transaction
from fleet.store.models import Webhook, WebhookDelivery
from tests.support.elsewhere import somebody_waits_for_a_lock, threads_of
from tests.support.hospital import NOON
from tests.support.waiting import wait_until
from tests.support.webhooks import add, deliveries


def test_settling_waits_for_who_removes_the_webhook_and_holds_nothing_meanwhile(
    worker: Flask,
) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    webhook_id, _ = add()
    tried = send_test(webhook_id, "user:ada", NOON)
    with threads_of(worker) as elsewhere:
        with transaction() as session:
            standing(session, webhook_id).removed_at = NOON
            session.flush()
            settling = elsewhere(lambda: settle(webhook_id, [Result(tried, 1, False, None)], NOON))
            wait_until(somebody_waits_for_a_lock)
            end_all(session, webhook_id, DeliveryState.WAITING, NOON)
        settling.result(20)
    assert [each.state for each in deliveries()] == [DeliveryState.LET_BE]


def left_waiting() -> int:
    """A delivery that was written while its webhook was being removed."""
    webhook_id, _ = add()
    send_test(webhook_id, "user:ada", NOON)
    remove_webhook(webhook_id, "user:ada", NOON)
    with transaction() as session:
        session.execute(update(WebhookDelivery).values(state="waiting", ended_at=None))
    return webhook_id


def test_what_waits_for_a_removed_webhook_ends_as_the_last_go_is_settled() -> None:
    webhook_id = left_waiting()
    settle(webhook_id, [Result(-1, 1, False, "away")], NOON)
    (left,) = deliveries()
    assert (left.state, left.ended_at) == (DeliveryState.LET_BE, NOON)
    assert db.session.get_one(Webhook, webhook_id).failures == 0


def test_what_waits_for_a_removed_webhook_is_not_kept_for_ever() -> None:
    left_waiting()
    ages = {each.kept: timedelta(days=each.days) for each in CLASSES}
    forget_old(ages, NOON)
    (left,) = deliveries()
    assert (left.state, left.ended_at) == (DeliveryState.LET_BE, NOON)
    forget_old(ages, NOON + timedelta(days=31))
    assert deliveries() == []
