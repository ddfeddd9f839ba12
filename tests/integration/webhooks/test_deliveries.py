"""Messages to other systems are delivered in order, tried again, and never lost without a word."""

import json
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event, Thread

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from fleet.config import Settings
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.webhooks import Deliverer
from fleet.domain.retention import CLASSES
from fleet.domain.webhooks.retries import SUSPECT_AFTER
from fleet.jobs.table import JOBS, Tools
from fleet.services.errors import Conflict, NotFound
from fleet.services.fix_fault import fix_fault
from fleet.services.leadership import NotLeading
from fleet.services.report_fault import report_fault
from fleet.services.retention import forget_old
from fleet.services.webhooks.add import remove_webhook, renew_secret
from fleet.services.webhooks.secret import webhook_secret
from fleet.services.webhooks.steer import let_be, send_again, send_test
from fleet.store.database import db, fenced
from fleet.store.models import AuditEntry, Webhook
from fleet.store.queries.needs import failing_webhooks, given_up_deliveries
from fleet.store.queries.webhooks import webhooks
from fleet.wire.webhooks import BadSignature, verify
from tests.support.hospital import NOON
from tests.support.receiver import (
    Heard,
    reached_at,
    receiver,
    slow_answer,
    with_status,
)
from tests.support.waiting import wait_until
from tests.support.webhooks import (
    ALLOWED,
    BEN,
    HOST,
    KEY,
    add,
    deliverer,
    deliveries,
    run,
    said,
    tickets_of_a_day,
)


def test_deliveries_come_in_order_and_wait_for_one_that_is_not_taken() -> None:
    add()
    tickets_of_a_day()
    with receiver(with_status(503)) as to, deliverer(reached_at({HOST: to.port})) as deliver:
        run(deliver)
        assert said(to) == ["ticket.opened"], "the others wait behind it"
        run(deliver, NOON + timedelta(seconds=4))
        assert len(to.heard) == 1, "it is left alone for five seconds"
        to.answer = with_status(204)
        run(deliver, NOON + timedelta(seconds=6))
        assert said(to) == ["ticket.opened"] * 2 + ["ticket.fixed", "ticket.opened"]
        ids = [heard.headers["webhook-id"] for heard in to.heard]
    assert ids[0] == ids[1], "the same message: its receiver knows it again"
    assert len(set(ids)) == 3
    assert to.heard[0].body == to.heard[1].body
    first, *_ = deliveries()
    assert (first.state, first.tries, first.problem) == ("delivered", 2, None)


def test_one_message_that_a_receiver_never_takes_holds_up_nobody_for_long() -> None:
    add()
    first, second, third = tickets_of_a_day()

    def all_but_the_first(handler: BaseHTTPRequestHandler, heard: Heard) -> None:
        told = json.loads(heard.body)
        is_first = told["type"] == "ticket.opened" and told["ticket"]["id"] == first
        with_status(500 if is_first else 204)(handler, heard)

    with receiver(all_but_the_first) as to, deliverer(reached_at({HOST: to.port})) as deliver:
        at = NOON
        for _ in range(SUSPECT_AFTER):
            run(deliver, at)
            at += timedelta(minutes=1)
        assert [d.state for d in deliveries()] == ["waiting", "delivered", "delivered"]
        fix_fault(third, "user:ada", at)
        run(deliver, at)
        assert deliveries()[-1].state == "delivered"
        assert second
        poison = deliveries()[0]
        assert (poison.state, poison.problem) == ("waiting", "answered 500")
        run(deliver, NOON + timedelta(days=1, minutes=5))
        assert deliveries()[0].state == "given_up"


def test_a_slow_receiver_holds_up_no_other() -> None:
    add(url=f"http://{HOST}/slow")
    add(url="http://pager.example/quick")
    report_fault("cart-001", "screen", BEN, NOON)
    with slow_answer() as slow, receiver() as quick:
        network = reached_at({HOST: slow, "pager.example": quick.port})
        with deliverer(network) as deliver:
            deliver(NOON)
            wait_until(lambda: len(quick.heard) == 1, 5)
            report_fault("cart-002", "screen", BEN, NOON)
            deliver(NOON)
            wait_until(lambda: len(quick.heard) == 2, 5)
            states = [d.state for d in deliveries()]
            assert states.count("waiting") >= 2, "the slow one is being called still"


def test_fault_24_a_receiver_that_answers_500_for_three_days_is_shown_and_hears_later() -> None:
    webhook_id, _ = add()
    with receiver(with_status(500)) as to, deliverer(reached_at({HOST: to.port})) as deliver:
        tickets = []
        for day in range(3):
            begun = NOON + timedelta(days=day)
            tickets.append(report_fault("cart-001", "screen", BEN, begun).key)
            fix_fault(tickets[-1], "user:ada", begun)
            for hour in range(24):
                run(deliver, begun + timedelta(hours=hour))
        over = NOON + timedelta(days=3)
        report_fault("cart-002", "screen", BEN, over)
        run(deliver, over)
        states = [delivery.state for delivery in deliveries()]
        assert states == ["given_up"] * 6 + ["waiting"]
        assert failing_webhooks(over).number == 1
        assert given_up_deliveries().number == 6
        (shown,) = webhooks(webhook_id)
        assert (shown.given_up, shown.waiting, shown.failing_since) == (6, 1, NOON)
        to.answer, to.heard[:] = with_status(204), []
        run(deliver, over + timedelta(minutes=3))
        assert said(to) == ["ticket.opened"]
        assert failing_webhooks(over).number == 0
        send_again(webhook_id, "user:ada", over)
        assert given_up_deliveries().number == 0
        run(deliver, over + timedelta(minutes=4))
        assert said(to) == ["ticket.opened"] + ["ticket.opened", "ticket.fixed"] * 3
    assert {delivery.state for delivery in deliveries()} == {"delivered"}


def test_what_was_given_up_can_be_let_be() -> None:
    webhook_id, _ = add()
    report_fault("cart-001", "screen", BEN, NOON)
    with receiver(with_status(404)) as to, deliverer(reached_at({HOST: to.port})) as deliver:
        run(deliver, NOON + timedelta(days=1))
    assert given_up_deliveries().number == 1
    assert let_be(webhook_id, "user:ada", NOON) == 1
    assert given_up_deliveries().number == 0
    for twice in (let_be, send_again):
        with pytest.raises(Conflict, match="nothing was given up"):
            twice(webhook_id, "user:ada", NOON)


def test_a_removed_webhook_hears_of_nothing_any_more() -> None:
    webhook_id, _ = add()
    report_fault("cart-001", "screen", BEN, NOON)
    remove_webhook(webhook_id, "user:ada", NOON)
    report_fault("cart-002", "screen", BEN, NOON)
    with receiver() as to, deliverer(reached_at({HOST: to.port})) as deliver:
        run(deliver)
    assert to.heard == []
    assert [delivery.state for delivery in deliveries()] == ["let_be"]
    with pytest.raises(NotFound):
        send_test(webhook_id, "user:ada", NOON)


def test_another_secret_signs_what_waits_and_a_machine_with_another_key_signs_nothing() -> None:
    webhook_id, former = add()
    send_test(webhook_id, "user:ada", NOON)
    secret = renew_secret(webhook_id, KEY, "user:ada", NOON)
    with receiver() as to:
        stranger = Deliverer("another key of another machine, long", ALLOWED,
                             reached_at({HOST: to.port}))  # fmt: skip
        run(stranger)
        stranger.close()
        assert to.heard == []
        assert "secret_key" in (deliveries()[0].problem or "")
        with deliverer(reached_at({HOST: to.port})) as deliver:
            run(deliver, NOON + timedelta(minutes=1))
        (heard,) = to.heard
    assert json.loads(heard.body)["type"] == "test"
    at = NOON + timedelta(minutes=1)
    assert verify(secret, heard.headers, heard.body, at) == heard.headers["webhook-id"]
    with pytest.raises(BadSignature):
        verify(former, heard.headers, heard.body, at)


def test_the_database_alone_does_not_sign() -> None:
    _, secret = add()
    dump = json.dumps([
        {key: str(value) for key, value in vars(row).items()}
        for row in (*db.session.scalars(select(Webhook)), *db.session.scalars(select(AuditEntry)))
    ])  # fmt: skip
    assert "salt" in dump
    assert secret.removeprefix("whsec_") not in dump
    salt = db.session.scalars(select(Webhook.salt)).one()
    assert webhook_secret("a key that is guessed, and long enough", salt) != secret


def test_only_a_leader_writes_what_came_of_trying() -> None:
    add()
    report_fault("cart-001", "screen", BEN, NOON)

    def leads_no_more(_session: Session) -> None:
        raise NotLeading("schedule")

    with receiver() as to, deliverer(reached_at({HOST: to.port})) as deliver:
        with fenced(leads_no_more), pytest.raises(NotLeading):
            run(deliver)
        assert deliveries()[0].state == "waiting", "its successor sends it again, by the same id"
        run(deliver, NOON + timedelta(seconds=1))
    assert deliveries()[0].state == "delivered"
    assert len({heard.headers["webhook-id"] for heard in to.heard}) == 1


def test_schedule_delivers_by_its_table_of_jobs(settings: Settings) -> None:
    add()
    report_fault("cart-001", "screen", BEN, NOON)
    [job] = [job for job in JOBS if job.name == "deliver_webhooks"]
    with receiver() as to, deliverer(reached_at({HOST: to.port})) as deliver:
        job.run(Tools(settings, Publisher(settings.mqtt_url, "test"), deliver), NOON)
        wait_until(lambda: said(to) == ["ticket.opened"])


def test_a_deliverer_that_is_closed_stops_after_the_message_on_its_way() -> None:
    add()
    tickets_of_a_day()
    begun, go_on = Event(), Event()

    def hesitate(handler: BaseHTTPRequestHandler, heard: Heard) -> None:
        begun.set()
        go_on.wait(10)
        with_status(204)(handler, heard)

    with receiver(hesitate) as to:
        deliver = Deliverer(KEY, ALLOWED, reached_at({HOST: to.port}))
        deliver(NOON)
        assert begun.wait(10)
        closing = Thread(target=deliver.close)
        closing.start()
        wait_until(deliver._closing.is_set)
        go_on.set()
        closing.join()
        assert len(to.heard) == 1


def test_deliveries_are_kept_for_thirty_days() -> None:
    webhook_id, _ = add()
    send_test(webhook_id, "user:ada", NOON)
    report_fault("cart-001", "screen", BEN, NOON)
    with receiver() as to, deliverer(reached_at({HOST: to.port})) as deliver:
        run(deliver)
    ages = {each.kept: timedelta(days=each.days) for each in CLASSES}
    forget_old(ages, NOON + timedelta(days=30))
    assert len(deliveries()) == 2
    forget_old(ages, NOON + timedelta(days=30, seconds=1))
    assert deliveries() == []
