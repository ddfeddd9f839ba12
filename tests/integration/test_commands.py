"""Commands to one device: sent with an expiry, answered or expired, and shown."""

from collections.abc import Iterator

import msgspec
import pytest
from flask import Flask
from sqlalchemy import select

from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.send_command import expire_commands, send_command
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, DeviceCommand, DeviceState, OutboxMessage
from fleet.wire.messages import Command
from tests.support.api import Hospital
from tests.support.hospital import NOON, build_hospital, say, seconds


@pytest.fixture
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(with_profile=False)
        yield


def command() -> DeviceCommand:
    db.session.rollback()
    return db.session.scalars(select(DeviceCommand)).one()


def answer(command_id: int, device_id: str = "cart-001", **what: object) -> None:
    say("cmd", {"v": 1, "id": command_id, **what}, NOON + seconds(5), device_id)


def test_a_command_waits_in_the_outbox_with_its_expiry_and_is_in_the_audit(hospital: None) -> None:
    command_id = send_command("cart-001", "locate", "user:ada", NOON, 90)
    row = db.session.scalars(select(OutboxMessage)).one()
    assert row.topic == "fleet/v1/down/cart-001/cmd/locate"
    assert msgspec.json.decode(row.payload, type=Command).id == command_id
    assert (row.retain, row.expires_at) == (False, NOON + seconds(90))
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.actor, entry.action, entry.subject) == ("user:ada", "device.command", "cart-001")


def test_the_answer_of_the_device_is_its_end(hospital: None) -> None:
    answer(send_command("cart-001", "locate", "user:ada", NOON), done=True)
    assert (command().state, command().ended_at) == ("acknowledged", NOON + seconds(5))


def test_what_the_device_could_not_do_has_failed_with_its_reason(hospital: None) -> None:
    command_id = send_command("cart-001", "lock", "user:ada", NOON)
    answer(command_id, done=False, reason="nobody signed in")
    assert (command().state, command().detail) == ("failed", "nobody signed in")


def test_another_device_cannot_answer_for_it(hospital: None) -> None:
    answer(send_command("cart-001", "lock", "user:ada", NOON), "cart-002", done=True)
    assert command().state == "queued"


def test_what_nobody_answers_is_expired_and_stays_so(hospital: None) -> None:
    command_id = send_command("cart-001", "locate", "user:ada", NOON, 60)
    assert expire_commands(NOON + seconds(89)) == 0
    assert expire_commands(NOON + seconds(90)) == 1
    answer(command_id, done=True)
    assert command().state == "expired"


def test_nobody_reboots_a_cart_in_use(hospital: None) -> None:
    with transaction() as session:
        session.get_one(DeviceState, 1).availability = "in_use"
    with pytest.raises(Conflict, match="in use"):
        send_command("cart-001", "reboot", "user:ada", NOON)
    send_command("cart-001", "locate", "user:ada", NOON)


def test_what_is_no_command_is_refused_with_what_would_be_right(hospital: None) -> None:
    with pytest.raises(Invalid, match="name: one of locate, lock, reboot, refresh"):
        send_command("cart-001", "explode", "user:ada", NOON)
    with pytest.raises(Invalid, match="ttl_s: from 60 to 300"):
        send_command("cart-001", "locate", "user:ada", NOON, 3600)
    with pytest.raises(NotFound):
        send_command("cart-999", "locate", "user:ada", NOON)


def test_commands_are_sent_and_listed_over_rest(app: Flask) -> None:
    rest = Hospital(app)
    (cart,) = rest.register("CART-1")
    sent = rest.post(f"/devices/{cart}/commands", {"name": "locate"})
    assert (sent.status_code, sent.get_json()["state"]) == (202, "queued")
    rest.say(cart, "cmd", {"v": 1, "id": sent.get_json()["id"], "done": True})
    listed = rest.get(f"/devices/{cart}/commands").get_json()["items"]
    assert [(each["name"], each["state"]) for each in listed] == [("locate", "acknowledged")]
    assert rest.post(f"/devices/{cart}/commands", {"name": "dance"}).status_code == 422
    assert rest.post("/devices/nobody/commands", {"name": "locate"}).status_code == 404


def test_the_id_of_the_request_reaches_the_device_and_the_audit(app: Flask) -> None:
    rest = Hospital(app)
    (cart,) = rest.register("CART-1")
    named = {"X-Request-ID": "night-shift-0042"}
    sent = rest.post(f"/devices/{cart}/commands", {"name": "locate"}, headers=named)
    with app.app_context():
        message = db.session.scalars(select(OutboxMessage.payload).order_by(OutboxMessage.id)).all()
        assert msgspec.json.decode(message[-1], type=Command).request_id == "night-shift-0042"
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert entry.after is not None
        assert entry.after["request_id"] == sent.headers["X-Request-ID"] == "night-shift-0042"
