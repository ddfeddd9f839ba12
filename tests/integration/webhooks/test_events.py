"""What other systems are told, written with the change itself."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select
from standardwebhooks.webhooks import Webhook as IndependentReceiver

from fleet.dispatch.webhook_body import body_of
from fleet.domain.battery.charging import SHORT_FOR
from fleet.domain.calls import ESCALATED_AFTER
from fleet.domain.outage import HOLD
from fleet.domain.words import AlertKind
from fleet.ingest.pipeline import process
from fleet.services.alerts import reconcile, reconcile_wards
from fleet.services.calls import follow_calls
from fleet.services.decommission_device import decommission_device
from fleet.services.fix_fault import fix_fault
from fleet.services.judge_silence import judge_silence
from fleet.services.places import add_site
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.report_fault import report_fault
from fleet.services.silence import mark_silent
from fleet.services.undo_deed import undo_deed
from fleet.store.clock import service_now
from fleet.store.database import db, transaction
from fleet.store.models import Ward
from tests.support.hospital import NOON, message, reading, run_low, say, telemetry
from tests.support.receiver import (
    reached_at,
    receiver,
)
from tests.support.webhooks import (
    BEN,
    HOST,
    add,
    call_to_charge,
    deliverer,
    deliveries,
    run,
    seen_one,
    statements,
    told,
)


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
