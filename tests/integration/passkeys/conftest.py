"""An administrator at noon, and a passkey of hers."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.support.authenticator import Authenticator
from tests.support.passkeys import NOW, add, at
from tests.support.staff import person


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return person(app, "ada", "administrator", now=NOW)


@pytest.fixture
def key(ada: FlaskClient) -> Authenticator:
    """One that Ada has added."""
    made = Authenticator()
    assert add(ada, made).status_code == 200
    return made
