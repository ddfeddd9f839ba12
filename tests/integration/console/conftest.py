"""A small hospital, and the administrator of it, signed in."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.console import signed_in
from tests.support.hospital import build_hospital


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def ada(app: Flask, client: FlaskClient, now: datetime) -> FlaskClient:
    with app.app_context():
        build_hospital(carts=3, now=now)
    return signed_in(app, client)
