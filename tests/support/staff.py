"""People of a hospital, by what they may, and the browsers in which they are signed in."""

from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient

from fleet.identity import COOKIE
from fleet.services.add_user import add_user
from fleet.services.sign_in import sign_in

PASSWORD = "correct horse battery"


def person(
    app: Flask, name: str, role: str, where: str = "everything", now: datetime | None = None
) -> FlaskClient:
    """Somebody new with this role there, signed in."""
    with app.app_context():
        add_user(name, PASSWORD, "test", now or datetime.now(UTC), role, where)
    return browser_of(app, name, now)


def browser_of(app: Flask, name: str, now: datetime | None = None) -> FlaskClient:
    """Signed in by their password."""
    with app.app_context():
        token = sign_in(name, PASSWORD, now or datetime.now(UTC))
    assert token
    client = app.test_client()
    client.set_cookie(COOKIE, token)
    return client
