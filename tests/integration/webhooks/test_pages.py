"""Webhooks as IT enters them: by REST and on the pages, for who may, on record, secrets once."""

import hashlib
import re

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.domain.access import Role
from fleet.services.api_tokens import create_api_token
from fleet.services.holds import Hand
from fleet.services.report_fault import report_fault
from fleet.services.webhooks.deliver import Result, settle
from fleet.store.database import db
from fleet.store.models import AuditEntry, Webhook, WebhookDelivery
from tests.support.api import Hospital, now
from tests.support.console import form
from tests.support.staff import person

NEW = {
    "name": "Tickets",
    "url": "https://tickets.example/hook",
    "events": ["ticket.fixed", "ticket.opened"],
}


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    made = Hospital(app)
    made.register("CART-1")
    return made


def test_a_webhook_is_added_looked_at_and_removed_by_rest(hospital: Hospital) -> None:
    made = hospital.post("/webhooks", {**NEW, "sites": ["st-mary"]})
    assert made.status_code == 201
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.get_json()["secret"])
    assert made.headers["Location"] == "/api/v1/webhooks/1"
    shown = hospital.get("/webhooks/1").get_json()
    assert shown["events"] == ["ticket.opened", "ticket.fixed"]
    assert shown["sites"] == ["st-mary"]
    assert "secret" not in hospital.get("/webhooks").text.replace("secret_", "")
    assert hospital.delete("/webhooks/1").status_code == 204
    assert hospital.get("/webhooks/1").status_code == 404
    assert hospital.delete("/webhooks/1").status_code == 404
    assert hospital.get("/webhooks").get_json()["items"] == []


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"url": "https://127.0.0.1/"}, "url"),
        ({"url": "http://tickets.example/"}, "url"),
        ({"url": "https://10.1.2.3/"}, "url"),
        ({"name": "   "}, "name"),
        ({"events": ["test"]}, "events"),
        ({"sites": ["nowhere"]}, "sites"),
    ],
)
def test_control_38_what_cannot_be_used_is_refused_as_it_is_entered(
    hospital: Hospital, wrong: dict[str, object], field: str
) -> None:
    answer = hospital.post("/webhooks", {**NEW, **wrong})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    with hospital.app.app_context():
        assert db.session.scalars(select(Webhook)).all() == []


def test_what_became_of_deliveries_is_told_by_rest_and_given_up_ones_are_decided(
    hospital: Hospital,
) -> None:
    hospital.post("/webhooks", NEW)
    tried = hospital.post("/webhooks/1/test").get_json()["delivery"]
    with hospital.app.app_context():
        settle(1, [Result(tried, 1, False, None)], now())
        report_fault("cart-1", "screen", Hand("user:ben"), now())
    items = hospital.get("/webhooks/1/deliveries?limit=1").get_json()
    assert items["items"][0]["event"] == "ticket.opened"
    assert items["items"][0]["asset_tag"] == "CART-1"
    (older,) = hospital.get(items["next"]).get_json()["items"]
    assert (older["event"], older["state"], older["tries"]) == ("test", "delivered", 1)
    assert hospital.post("/webhooks/1/send-again").status_code == 409
    with hospital.app.app_context():
        db.session.execute(db.update(WebhookDelivery).values(state="given_up"))
        db.session.commit()
    assert hospital.post("/webhooks/1/send-again").get_json() == {"deliveries": 2}
    first = hospital.post("/webhooks", NEW).get_json()["secret"]
    second = hospital.post("/webhooks/2/secret").get_json()
    assert second["id"] == 2
    assert second["secret"] != first


def test_every_change_of_a_webhook_is_on_record_and_no_secret_is(hospital: Hospital) -> None:
    secret = hospital.post("/webhooks", NEW).get_json()["secret"]
    hospital.post("/webhooks/1/test")
    renewed = hospital.post("/webhooks/1/secret").get_json()["secret"]
    hospital.delete("/webhooks/1")
    with hospital.app.app_context():
        entries = db.session.scalars(
            select(AuditEntry).where(AuditEntry.subject == "webhook/1").order_by(AuditEntry.id)
        ).all()
        actions = [entry.action for entry in entries]
        record = " ".join(f"{entry.before} {entry.after}" for entry in entries)
        assert {entry.actor.partition("/")[0] for entry in entries} == {"token"}
    assert actions == ["webhook.add", "webhook.test", "webhook.secret", "webhook.remove"]
    assert "'https://tickets.example'" in record
    assert hashlib.sha256(NEW["url"].encode()).hexdigest()[:12] in record  # type: ignore[attr-defined]
    assert "/hook" not in record, "what follows the host may be a secret"
    for each in (secret, renewed):
        assert each.removeprefix("whsec_") not in record


def test_webhooks_are_for_who_enters_sites_everywhere(hospital: Hospital) -> None:
    hospital.post("/webhooks", NEW)
    with hospital.app.app_context():
        there = create_api_token(
            "t", ["read", "write"], None, "t", now(), Role.IT_OPERATOR, "site:st-mary"
        )
        looks = create_api_token("v", ["read", "write"], None, "t", now(), Role.AUDITOR)
    for token in (there, looks):
        assert hospital.get("/webhooks", token=token).status_code == 403
        assert hospital.post("/webhooks", NEW, token=token).status_code == 403


def test_the_page_adds_a_webhook_shows_its_secret_once_and_sends_a_test(hospital: Hospital) -> None:
    ada = person(hospital.app, "ada", "administrator")
    page = ada.get("/it/webhooks").text
    wrong = ada.post("/it/webhooks", data=form(page, name="Pager", url="https://[::1]/"))
    assert wrong.status_code == 422
    assert "loopback" in wrong.text
    assert "one or more of alert.opened" in wrong.text
    made = ada.post(
        "/it/webhooks",
        data=form(
            page, name="Pager", url="https://pager.example/s3cret?key=s3cret", events="alert.opened"
        ),
    )
    assert made.status_code == 200
    assert made.headers["Cache-Control"] == "no-store"
    for address in ("/it/webhooks", "/it/webhooks/1"):
        shown = ada.get(address).text
        assert "https://pager.example/…" in shown
        assert "s3cret" not in shown
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", made.text)
    assert secret not in ada.get("/it/webhooks/1").text
    sent = ada.post("/it/webhooks/1/test", data=form(page), follow_redirects=True)
    assert "A test is on its way" in sent.text
    assert "test</th>" in sent.text
    refused = ada.post("/it/webhooks/1/again", data=form(page), follow_redirects=True)
    assert "nothing was given up" in refused.text
    assert ada.post("/it/webhooks/1/whatever", data=form(page)).status_code == 404
    assert ada.post("/it/webhooks/1/secret", data=form(page)).status_code == 200
    assert ada.post("/it/webhooks/1/remove", data=form(page)).status_code == 303
    assert ada.get("/it/webhooks/1").status_code == 404


def test_the_overview_says_first_what_was_given_up(hospital: Hospital) -> None:
    ada = person(hospital.app, "ada", "administrator")
    hospital.post("/webhooks", NEW)
    words = "Message to another system was given up"
    assert words not in ada.get("/it").text
    hospital.post("/webhooks/1/test")
    with hospital.app.app_context():
        db.session.execute(db.update(WebhookDelivery).values(state="given_up", ended_at=now()))
        db.session.commit()
    assert words in ada.get("/it").text
    assert words not in person(hospital.app, "vera", "viewer").get("/it").text
    page = ada.get("/it/webhooks/1").text
    assert "1 message was not taken for a day" in " ".join(page.split())
    ada.post("/it/webhooks/1/let-be", data=form(page))
    assert words not in ada.get("/it").text
