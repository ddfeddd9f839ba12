"""Passkeys are added by who is signed in, and nothing else is."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleet.identity import COOKIE
from fleet.services import passkeys, sign_in
from fleet.services.errors import Unauthorized
from fleet.services.passkey_challenges import LASTS
from fleet.services.second_factor import CODES
from fleet.store.database import db
from fleet.store.models import Passkey, RecoveryCode
from tests.support.authenticator import Authenticator, base64
from tests.support.console import form
from tests.support.passkeys import (
    HERE,
    NOW,
    WRONG,
    add,
    ask,
    at,
    audited,
    come_in,
    offer,
    put_in,
    show,
)
from tests.support.staff import PASSWORD, person


def test_a_passkey_that_is_added_signs_in_without_password_and_code(
    app: Flask, ada: FlaskClient
) -> None:
    key = Authenticator()
    shown = add(ada, key, "  the key   on my ring ")
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.text.count('class="secret"') == CODES, "should it be lost"
    assert "the key on my ring" in ada.get("/it/account").text

    client = app.test_client()
    answer = show(client, key.sign(ask(client)), "/login?next=/it/devices")
    assert (answer.status_code, answer.location) == (303, "/it/devices")
    assert "Sign out ada" in client.get("/it").text


def test_what_is_asked_names_nobody_and_wants_a_verified_person(ada: FlaskClient) -> None:
    told = offer(ada).get_json()
    assert told["rp"] == {"id": "localhost", "name": "Wardfleet"}
    assert told["authenticatorSelection"]["residentKey"] == "required"
    assert told["authenticatorSelection"]["userVerification"] == "required"
    assert told["user"]["id"] not in (base64(b"ada"), base64(b"1"))
    assert told["attestation"] == "none"
    assert told["timeout"] == LASTS.total_seconds() * 1000


def test_each_is_recorded_with_its_name(app: Flask, ada: FlaskClient, key: Authenticator) -> None:
    assert audited(app, "user.passkey.add") == [
        ("user:ada", "user/ada", None, {"passkey": 1, "name": "ring"})
    ]
    come_in(app, key)
    assert audited(app, "session.begin")[-1] == ("user:ada", "user/ada", None, {"passkey": 1})
    ada.post("/it/account/passkeys/1/remove", data=form(ada.get("/it/account").text))
    assert audited(app, "user.passkey.remove") == [
        ("user:ada", "user/ada", {"passkey": 1, "name": "ring"}, None)
    ]


def test_one_person_has_several_by_different_names(
    app: Flask, ada: FlaskClient, key: Authenticator
) -> None:
    again = offer(ada, "ring")
    assert again.status_code == 422
    assert "you have a passkey called ring already" in again.get_json()["problem"]
    told = offer(ada, "phone").get_json()
    assert [each["id"] for each in told["excludeCredentials"]] == [base64(key.credential_id)]
    phone = Authenticator()
    answer = put_in(ada, phone.make(told))
    assert (answer.status_code, answer.location) == (303, "/it/account"), "no other codes"
    for each in (key, phone):
        assert come_in(app, each).status_code == 303
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(RecoveryCode)) == CODES


def test_there_is_an_end_to_how_many(app: Flask, ada: FlaskClient, key: Authenticator) -> None:
    for number in range(2, passkeys.MOST + 1):
        assert add(ada, Authenticator(), f"key {number}").status_code == 303
    assert offer(ada, "one more").status_code == 409


@pytest.mark.parametrize("name", ["", "   ", "a" * 65])
def test_a_passkey_has_a_name(ada: FlaskClient, name: str) -> None:
    answer = offer(ada, name)
    assert answer.status_code == 422
    assert "1 to 64 characters" in answer.get_json()["problem"]


def test_somebody_elses_passkey_is_not_added_again(app: Flask, key: Authenticator) -> None:
    bob = person(app, "bob", "viewer", now=NOW)
    answer = put_in(bob, key.copy().make(offer(bob).get_json()))
    assert answer.location == "/it/account"
    assert "that passkey is here already" in bob.get("/it/account").text
    assert "Sign out ada" in whose(app, come_in(app, key))


def whose(app: Flask, answer: TestResponse) -> str:
    """The overview of who has come in."""
    assert answer.status_code == 303
    client = app.test_client()
    for header in answer.headers.getlist("Set-Cookie"):
        name, _, rest = header.partition("=")
        if name == COOKIE:
            client.set_cookie(COOKIE, rest.partition(";")[0])
    return client.get("/it").text


@pytest.mark.parametrize("how", WRONG)
def test_one_that_was_made_otherwise_is_not_added(app: Flask, ada: FlaskClient, how: str) -> None:
    key = Authenticator(**WRONG[how])  # type: ignore[arg-type]
    assert add(ada, key).location == "/it/account"
    assert "that passkey was not made as it was asked for" in ada.get("/it/account").text
    with app.app_context():
        assert db.session.scalars(db.select(Passkey)).all() == []
    assert audited(app, "user.passkey.add") == []


def test_what_was_asked_is_good_once_for_two_minutes_and_in_one_browser(
    app: Flask, ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Authenticator()
    answer = key.make(offer(ada).get_json())
    assert put_in(person(app, "bob", "viewer", now=NOW), answer).status_code == 303
    at(monkeypatch, NOW + LASTS)
    assert put_in(ada, answer).status_code == 303
    with app.app_context():
        assert db.session.scalars(db.select(Passkey)).all() == []
    assert add(ada, key).status_code == 200
    put_in(ada, key.copy(credential_id=b"another one").make(offer(ada, "phone").get_json()))
    with app.app_context():
        assert len(db.session.scalars(db.select(Passkey)).all()) == 2


def test_a_browser_that_was_left_open_is_no_way_to_a_key_of_ones_own(
    app: Flask, ada: FlaskClient, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NOW + passkeys.FRESH)
    for wrong in ("", "wrong"):
        answer = offer(ada, "phone", password=wrong)
        assert answer.status_code == 422
        assert answer.get_json() == {"problem": "password: is not your password"}
    assert offer(ada, "phone", password=PASSWORD).status_code == 200
    page = ada.get("/it/account").text
    assert page.count('name="password"') == 3, "a second factor; to add and to remove"
    ada.post("/it/account/passkeys/1/remove", data=form(page, password="wrong"))
    assert come_in(app, key).status_code == 303
    ada.post("/it/account/passkeys/1/remove", data=form(page, password=PASSWORD))
    assert come_in(app, key).status_code == 401


def test_the_password_that_is_asked_for_again_is_not_guessed(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NOW + passkeys.FRESH)
    for _ in range(sign_in.TRIES):
        assert offer(ada, password="wrong").status_code == 422
    assert offer(ada, password=PASSWORD).status_code == 429


def test_whom_another_vouches_for_has_no_passkey_here(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        db.session.execute(db.text("UPDATE user_account SET password_hash = ''"))
        db.session.commit()
    assert offer(ada).status_code == 409


def test_what_one_person_was_asked_adds_nothing_to_another(app: Flask, ada: FlaskClient) -> None:
    person(app, "bob", "viewer", now=NOW)
    cookie = ada.get_cookie(COOKIE)
    assert cookie
    with app.app_context():
        of, told = passkeys.offer_passkey("ada", "ring", "", cookie.value, HERE, NOW)
        answer = Authenticator().make(json.loads(told))
        with pytest.raises(Unauthorized, match="somebody else"):
            passkeys.add_passkey("bob", answer, of, HERE, NOW)
        assert db.session.scalars(db.select(Passkey)).all() == []
