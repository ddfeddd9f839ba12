"""A passkey as the second factor, and where it is required."""

from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet import create_app
from fleet.config import Settings
from fleet.identity import COOKIE
from fleet.services import second_factor
from fleet.store.database import db
from fleet.store.models import LoginSession
from tests.support.authenticator import Authenticator, base64
from tests.support.console import form
from tests.support.passkeys import HERE, NOW, REFUSED, add, by_password, come_in, offer
from tests.support.staff import person


def test_it_is_the_second_factor_of_who_has_a_password_and_no_application(
    app: Flask, ada: FlaskClient, key: Authenticator
) -> None:
    client = by_password(app)
    assert client.get("/it").status_code == 401, "the password alone is worth nothing"
    waiting = client.get_cookie(COOKIE)
    page = client.get("/login/code?next=/it/devices").text
    assert "Use your passkey" in page
    assert "one of your recovery codes" in page
    assert "six digits" not in page
    told = client.post("/login/passkey", data=form(page)).get_json()
    assert [each["id"] for each in told["allowCredentials"]] == [base64(key.credential_id)]
    answer = client.post(
        "/login/code?next=/it/devices", data=form(page, credential=key.copy(handle=b"").sign(told))
    )
    assert (answer.status_code, answer.location) == (303, "/it/devices")
    assert client.get("/it").status_code == 200
    assert waiting
    old = app.test_client()
    old.set_cookie(COOKIE, waiting.value)
    assert old.get("/login/code").status_code == 302
    with app.app_context():
        assert not db.session.scalars(db.select(LoginSession).filter_by(waits_for_code=True)).all()


def test_a_wrong_one_after_the_password_asks_again(app: Flask, key: Authenticator) -> None:
    client = by_password(app)
    page = client.get("/login/code").text
    told = client.post("/login/passkey", data=form(page)).get_json()
    wrong = form(page, credential=key.copy(is_verified=False).sign(told))
    answer = client.post("/login/code", data=wrong)
    assert answer.status_code == 401
    assert REFUSED in answer.text
    assert "Use your passkey" in answer.text
    assert client.get("/it").status_code == 401


def test_nobody_elses_passkey_is_good_after_the_password(app: Flask, key: Authenticator) -> None:
    bob = Authenticator()
    add(person(app, "bob", "viewer", now=NOW), bob)
    client = by_password(app)
    page = client.get("/login/code").text
    told = client.post("/login/passkey", data=form(page)).get_json()
    answer = client.post("/login/code", data=form(page, credential=bob.sign(told)))
    assert answer.status_code == 401
    assert client.get("/it").status_code == 401


def test_who_has_lost_the_passkey_comes_in_by_a_recovery_code(app: Flask, ada: FlaskClient) -> None:
    shown = add(ada, Authenticator()).text
    code = shown.partition('class="secret">')[2].partition("<")[0]
    client = by_password(app)
    page = client.get("/login/code").text
    assert client.post("/login/code", data=form(page, code=code)).status_code == 303
    assert client.get("/it").status_code == 200


def test_an_application_that_was_not_confirmed_is_no_second_factor(
    app: Flask, key: Authenticator
) -> None:
    with app.app_context():
        secret = second_factor.offer_second_factor("ada")
    client = by_password(app)
    page = client.get("/login/code").text
    code = pyotp.TOTP(secret).at(NOW)
    assert client.post("/login/code", data=form(page, code=code)).status_code == 401


def test_who_has_an_application_too_may_show_either(app: Flask, key: Authenticator) -> None:
    with app.app_context():
        totp = pyotp.TOTP(second_factor.offer_second_factor("ada"))
        second_factor.confirm_second_factor("ada", totp.at(NOW), NOW)
    client = by_password(app)
    page = client.get("/login/code").text
    assert "six digits" in page
    told = client.post("/login/passkey", data=form(page)).get_json()
    data = form(page, credential=key.sign(told))
    assert client.post("/login/code", data=data).status_code == 303


def opened(sqlite_url: str, tmp_path: Path, **more: str) -> Iterator[Flask]:
    environ = {"FLEET_DATABASE_URL": sqlite_url, "FLEET_DATA_DIR": str(tmp_path / "data")}
    app = create_app(Settings.from_env(environ | more))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def strict(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    yield from opened(sqlite_url, tmp_path, FLEET_ADMINISTRATORS_NEED_A_SECOND_FACTOR="yes")


@pytest.fixture
def named(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    yield from opened(
        sqlite_url, tmp_path, FLEET_PUBLIC_ADDRESS="https://Fleet.Hospital.example:443/"
    )


@pytest.fixture
def nameless(sqlite_url: str, tmp_path: Path) -> Iterator[Flask]:
    yield from opened(sqlite_url, tmp_path, FLEET_HTTP_HOST="0.0.0.0")


def test_an_administrator_who_needs_a_second_factor_has_one_in_a_passkey(strict: Flask) -> None:
    ada = person(strict, "ada", "administrator", now=NOW)
    assert ada.get("/it/devices").location == "/it/account"
    key = Authenticator()
    add(ada, key)
    assert ada.get("/it/devices").status_code == 200
    ada.post("/it/account/passkeys/1/remove", data=form(ada.get("/it/account").text))
    assert ada.get("/it/devices").location == "/it/account"


def test_passkeys_belong_to_the_public_address(named: Flask) -> None:
    ada = person(named, "ada", "administrator", now=NOW)
    assert 'data-at="https://fleet.hospital.example"' in named.test_client().get("/login").text
    at_home = Authenticator(origin="https://fleet.hospital.example")
    assert add(ada, at_home.copy(origin=HERE)).status_code == 303
    assert add(ada, at_home).status_code == 200
    assert come_in(named, at_home.copy(origin="http://fleet.hospital.example")).status_code == 401
    assert come_in(named, at_home).status_code == 303


def test_where_nobody_has_said_the_address_there_are_none(nameless: Flask) -> None:
    ada = person(nameless, "ada", "administrator", now=NOW)
    assert "FLEET_PUBLIC_ADDRESS" in ada.get("/it/account").text
    assert offer(ada).status_code == 404
    client = nameless.test_client()
    page = client.get("/login").text
    assert "passkey" not in page
    assert client.post("/login/passkey", data=form(page)).status_code == 404
    assert client.post("/login", data=form(page, credential="{}")).status_code == 401
