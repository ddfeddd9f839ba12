"""What is done with passkeys over the pages, step by step."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleet.store.database import db
from fleet.store.models import AuditEntry
from fleet.web import clock
from tests.support.authenticator import Authenticator
from tests.support.console import form
from tests.support.staff import PASSWORD

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HERE = "http://localhost:8080"
REFUSED = "This passkey is not known here"

WRONG = {
    "at another address": {"origin": "https://fleet.evil.example"},
    "at another port": {"origin": "http://localhost:8081"},
    "for another party": {"host": "evil.example"},
    "without asking for finger, face or PIN": {"is_verified": False},
}


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def offer(client: FlaskClient, name: str = "ring", **more: str) -> TestResponse:
    page = client.get("/it/account").text
    return client.post("/it/account/passkeys/new", data=form(page, name=name, **more))


def add(client: FlaskClient, key: Authenticator, name: str = "ring") -> TestResponse:
    return put_in(client, key.make(offer(client, name).get_json()))


def put_in(client: FlaskClient, answer: str) -> TestResponse:
    page = client.get("/it/account").text
    data = form(page, credential=answer, back="/it/account")
    return client.post("/it/account/passkeys", data=data)


def ask(client: FlaskClient) -> dict[str, Any]:
    told: dict[str, Any] = client.post(
        "/login/passkey", data=form(client.get("/login").text)
    ).get_json()
    return told


def show(client: FlaskClient, answer: str, where: str = "/login") -> TestResponse:
    return client.post(where, data=form(client.get("/login").text, credential=answer))


def come_in(app: Flask, key: Authenticator) -> TestResponse:
    """Somebody of whom nothing is known before."""
    client = app.test_client()
    return show(client, key.sign(ask(client)))


def by_password(app: Flask, name: str = "ada") -> FlaskClient:
    client = app.test_client()
    data = form(client.get("/login").text, username=name, password=PASSWORD)
    assert client.post("/login", data=data).status_code == 303
    return client


class Entry(NamedTuple):
    actor: str
    subject: str
    before: Any
    after: Any


def audited(app: Flask, action: str) -> list[Entry]:
    columns = AuditEntry.actor, AuditEntry.subject, AuditEntry.before, AuditEntry.after
    with app.app_context():
        rows = db.session.execute(db.select(*columns).filter_by(action=action))
        return [Entry(*row) for row in rows]
