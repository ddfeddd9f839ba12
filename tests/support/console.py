"""The console as somebody sees it who has signed in."""

import re
from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient

from fleet.services.first_administrator import create_administrator, offer

PASSWORD = "correct horse battery"


def signed_in(app: Flask, client: FlaskClient, name: str = "ada") -> FlaskClient:
    """The first administrator, made and signed in."""
    now = datetime.now(UTC)
    with app.app_context():
        create_administrator(offer(now) or "", name, PASSWORD, now)
    page = client.get("/login").text
    answer = client.post("/login", data=form(page, username=name, password=PASSWORD))
    assert answer.status_code == 303, answer.text
    return client


def form(page: str, **values: str) -> dict[str, str]:
    """The fields to send, with the token that the page's forms have."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return {"csrf_token": found[1], **values}
