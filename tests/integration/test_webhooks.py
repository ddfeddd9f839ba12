"""Alerts and tickets reach other systems: signed, in order, and never lost without a word."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler
from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook as IndependentReceiver

from fleet.config import Settings
from fleet.dispatch.post import Network
from fleet.dispatch.publisher import Publisher
from fleet.dispatch.webhook_body import body_of
from fleet.dispatch.webhooks import Deliverer
from fleet.domain.battery.charging import SHORT_FOR
from fleet.domain.calls import ESCALATED_AFTER
from fleet.domain.outage import HOLD
from fleet.domain.retention import CLASSES
from fleet.domain.webhooks.addresses import Allowed
from fleet.domain.webhooks.events import EVENTS
from fleet.domain.webhooks.retries import SUSPECT_AFTER
from fleet.domain.words import AlertKind
from fleet.ingest.pipeline import process
from fleet.jobs.table import JOBS, Tools
from fleet.services.alerts import reconcile, reconcile_wards
from fleet.services.calls import follow_calls
from fleet.services.decommission_device import decommission_device
from fleet.services.errors import Conflict, NotFound
from fleet.services.fix_fault import fix_fault
from fleet.services.holds import Hand
from fleet.services.judge_silence import judge_silence
from fleet.services.leadership import NotLeading
from fleet.services.places import add_site
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.report_fault import report_fault
from fleet.services.retention import forget_old
from fleet.services.silence import mark_silent
from fleet.services.undo_deed import undo_deed
from fleet.services.webhooks.add import Here, Wanted, add_webhook, remove_webhook, renew_secret
from fleet.services.webhooks.secret import webhook_secret
from fleet.services.webhooks.steer import let_be, send_again, send_test
from fleet.store.clock import service_now
from fleet.store.database import db, fenced, transaction
from fleet.store.models import AuditEntry, Ward, Webhook, WebhookDelivery
from fleet.store.queries.needs import failing_webhooks, given_up_deliveries
from fleet.store.queries.webhooks import webhooks
from fleet.wire.webhooks import BadSignature, verify
from tests.support.hospital import NOON, build_hospital, message, reading, run_low, say, telemetry
from tests.support.receiver import (
    Heard,
    Receiver,
    reached_at,
    receiver,
    slow_answer,
    with_status,
)
from tests.support.waiting import wait_until

BEN = Hand("user:ben")
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


def test_a_webhook_hears_of_just_what_and_where_it_asked_for() -> None:
    add_site("elsewhere", "Elsewhere", "Europe/Berlin", "test", NOON)
    add("ticket.opened", url=f"http://{HOST}/tickets")
    add("alert.opened", url=f"http://{HOST}/alerts")
    add("alert.opened", url=f"http://{HOST}/there", sites=("elsewhere",))
    add("alert.opened", url=f"http://{HOST}/here", sites=("elsewhere", "lindenhof"))
    call_to_charge()
    report_fault("cart-002", "screen", BEN, NOON)
    with receiver() as tickets, deliverer(reached_at({HOST: tickets.port})) as deliver:
        run(deliver)
        heard = sorted((each.path, json.loads(each.body)["type"]) for each in tickets.heard)
    assert heard == [
        ("/alerts", "alert.opened"), ("/here", "alert.opened"), ("/tickets", "ticket.opened"),
    ]  # fmt: skip


def test_every_way_in_which_alerts_open_and_end_is_told() -> None:
    add()
    call_to_charge()
    assert told() == [("alert.opened", "needs_charging", "CART-001")]
    follow_calls(NOON + ESCALATED_AFTER)
    assert told()[1:] == [("alert.escalated", "needs_charging", "CART-001")]
    plugged = {"status": "charging", "power_source": "mains", "current_ma": 8_000}
    at = NOON + timedelta(minutes=30)
    say("telemetry", telemetry(reading(2, soc=9, at=at, battery=plugged)), at)
    assert told()[2:] == [("alert.resolved", "needs_charging", "CART-001")]
    mark_silent(at + timedelta(hours=1))
    judge_silence(at + timedelta(hours=1) + HOLD)
    assert told()[3:] == [("alert.opened", "offline", "CART-001")]
    decommission_device("cart-001", "user:ada", at + timedelta(hours=2))
    assert told()[4:] == [("alert.resolved", "offline", "CART-001")]


def test_an_outage_and_a_wards_alert_are_told() -> None:
    add()
    register_devices(
        [NewDevice(f"MORE-{n}", "medication_cart", "ward-3a") for n in range(12)], "test", NOON
    )
    everybody = [f"more-{n}" for n in range(12)]
    for name in everybody:
        say("telemetry", telemetry(reading(1)), NOON, name)
    later = NOON + timedelta(hours=1)
    mark_silent(later)
    judge_silence(later + HOLD)
    assert told() == [("alert.opened", "outage", None)]
    (delivery,) = deliveries()
    assert (delivery.ward, delivery.site) == ("ward-3a", "lindenhof")
    assert "12" in (delivery.detail or ""), "as it was at the end of the change"
    back = later + timedelta(minutes=5)
    for name in everybody:
        say("telemetry", telemetry(reading(2, at=back)), back, name)
    judge_silence(back + HOLD)
    assert told()[1:] == [("alert.resolved", "outage", None)]
    ward_id = db.session.scalar(select(Ward.id).where(Ward.slug == "ward-3b"))
    assert ward_id
    for due in ({ward_id: "bay 1"}, {ward_id: "bay 1 and 2"}, {}):
        with transaction() as session:
            reconcile_wards(session, AlertKind.DEAD_OUTLET, due, back)
    assert told()[2:] == [
        ("alert.opened", "dead_outlet", None), ("alert.resolved", "dead_outlet", None),
    ]  # fmt: skip


def test_a_ticket_is_told_when_it_is_opened_fixed_and_withdrawn() -> None:
    add()
    deed = report_fault("cart-001", "screen", BEN, NOON)
    assert told() == [("ticket.opened", "screen", "CART-001")]
    undo_deed("broken", deed.key, BEN, NOON)
    assert told()[1:] == [("ticket.withdrawn", "screen", "CART-001")]
    ticket = report_fault("cart-001", "mechanical", BEN, NOON).key
    fix_fault(ticket, "user:ada", NOON, "new wheel")
    assert told()[2:] == [
        ("ticket.opened", "mechanical", "CART-001"), ("ticket.fixed", "mechanical", "CART-001"),
    ]  # fmt: skip
    report_fault("cart-002", "mechanical", BEN, NOON)
    decommission_device("cart-002", "user:ada", NOON)
    assert told()[5:] == [("ticket.withdrawn", "mechanical", "CART-002")]
    bodies = b"".join(body_of(delivery, "https://x") for delivery in deliveries())
    assert b"ben" not in bodies, "no person's name leaves the house"
    assert b"new wheel" not in bodies


def test_what_is_rolled_back_is_not_told_and_without_a_webhook_nothing_is_written() -> None:
    call_to_charge()
    assert deliveries() == []
    add()

    def open_one(fails: bool) -> None:
        due = {2: {AlertKind.APP_FAILED: "emar"}}
        with transaction() as session:
            reconcile(session, due, frozenset({AlertKind.APP_FAILED}), NOON)
            if fails:
                raise RuntimeError("too bad")

    with pytest.raises(RuntimeError, match="too bad"):
        open_one(fails=True)
    assert deliveries() == []
    open_one(fails=False)
    assert told() == [("alert.opened", "app_failed", "CART-002")]


def test_a_batch_that_opens_many_alerts_writes_them_in_one_statement() -> None:
    register_devices(
        [NewDevice(f"MORE-{n}", "medication_cart", "ward-3a") for n in range(20)], "test", NOON
    )
    names = [f"more-{n}" for n in range(20)]
    early = NOON - SHORT_FOR
    process([message("telemetry", telemetry(reading(1, soc=9, at=early)), early, n) for n in names],
            early)  # fmt: skip
    add()
    add("alert.opened")
    batch = [message("telemetry", telemetry(reading(2, soc=8)), NOON, name) for name in names]
    with statements() as seen:
        process(batch, NOON)
    assert len(deliveries()) == 40
    assert [s for s in seen if "INTO webhook_delivery" in s] == [seen_one(seen)]
    with statements() as seen:
        say("telemetry", telemetry(reading(3, soc=8)), NOON, names[0])
    assert not [s for s in seen if "webhook" in s], "nothing changed: nobody even looks"


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


# --- Pieces -----------------------------------------------------------------------------------


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
