"""Passkeys: added, signed in with, removed; and everything that is not one, refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from fleet import create_app
from fleet.config import Settings
from fleet.identity import COOKIE
from fleet.services import authenticators, passkeys, second_factor, sign_in, sign_in_passkey
from fleet.services.disable_user import disable_user
from fleet.services.passkey_challenges import LASTS
from fleet.services.second_factor import CODES
from fleet.store.database import db
from fleet.store.models import AuditEntry, LoginSession, Passkey, PasskeyChallenge, RecoveryCode
from fleet.web import clock
from tests.integration.test_people import at_once
from tests.support.authenticator import Authenticator, base64, unbase64
from tests.support.console import form
from tests.support.staff import PASSWORD, person

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HERE = "http://localhost:8080"
REFUSED = "This passkey is not known here"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOW)


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.fixture
def ada(app: Flask) -> FlaskClient:
    return person(app, "ada", "administrator", now=NOW)


@pytest.fixture
def key(ada: FlaskClient) -> Authenticator:
    """One that Ada has added."""
    made = Authenticator()
    assert add(ada, made).status_code == 200
    return made


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


# --- Added ------------------------------------------------------------------------------------


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


WRONG = {
    "at another address": {"origin": "https://fleet.evil.example"},
    "at another port": {"origin": "http://localhost:8081"},
    "for another party": {"host": "evil.example"},
    "without asking for finger, face or PIN": {"is_verified": False},
}


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
    assert page.count('name="password"') == 2, "to add and to remove"
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


# --- Removed ----------------------------------------------------------------------------------


def test_one_that_is_removed_lets_nobody_in_and_what_it_began_is_over(
    app: Flask, ada: FlaskClient, key: Authenticator
) -> None:
    elsewhere = app.test_client()
    assert show(elsewhere, key.sign(ask(elsewhere))).status_code == 303
    page = ada.get("/it/account").text
    answer = ada.post("/it/account/passkeys/1/remove", data=form(page, back="/it/account"))
    assert (answer.status_code, answer.location) == (303, "/it/account")
    assert elsewhere.get("/it").status_code == 401
    assert ada.get("/it").status_code == 200
    assert come_in(app, key).status_code == 401
    with app.app_context():
        assert db.session.scalars(db.select(RecoveryCode)).all() == [], "they stood for nothing"


def test_nobody_removes_somebody_elses(app: Flask, key: Authenticator) -> None:
    bob = person(app, "bob", "administrator", now=NOW)
    data = form(bob.get("/it/account").text)
    assert bob.post("/it/account/passkeys/1/remove", data=data).status_code == 404
    assert come_in(app, key).status_code == 303


def test_who_has_lost_it_is_helped_by_an_administrator(
    app: Flask, ada: FlaskClient, key: Authenticator
) -> None:
    bob = person(app, "bob", "administrator", now=NOW)
    page = bob.get("/it/people").text
    bob.post("/it/people/ada/reset-second-factor", data=form(page, back="/it/people"))
    assert come_in(app, key).status_code == 401
    assert ada.get("/it").status_code == 401
    assert by_password(app).get("/it").status_code == 200
    assert audited(app, "user.second_factor.reset") == [
        (
            "user:bob", "user/ada",
            {"second_factor_since": None, "passkeys": ["ring"]},
            {"second_factor_since": None},
        )
    ]  # fmt: skip


# --- Signing in -------------------------------------------------------------------------------


@pytest.mark.parametrize("how", WRONG)
def test_what_was_signed_otherwise_lets_nobody_in(app: Flask, key: Authenticator, how: str) -> None:
    answer = come_in(app, key.copy(**WRONG[how]))
    assert answer.status_code == 401
    assert REFUSED in answer.text
    assert come_in(app, key).status_code == 303


def test_another_key_under_the_same_id_lets_nobody_in(app: Flask, key: Authenticator) -> None:
    other = Authenticator(credential_id=key.credential_id, handle=key.handle, count=7)
    assert come_in(app, other).status_code == 401


def test_a_passkey_says_itself_whose_it_is(app: Flask, key: Authenticator) -> None:
    for handle in (b"", b"somebody else"):
        assert come_in(app, key.copy(handle=handle)).status_code == 401


def test_the_same_answer_is_good_once(app: Flask, key: Authenticator) -> None:
    client = app.test_client()
    answer = key.sign(ask(client))
    assert show(client, answer).status_code == 303
    again = app.test_client()
    ask(again)
    assert show(again, answer).status_code == 401
    client.post("/logout", data=form(client.get("/it").text))
    assert show(client, answer).status_code == 401


def test_a_wrong_answer_spends_what_was_asked(app: Flask, key: Authenticator) -> None:
    client = app.test_client()
    told = ask(client)
    assert show(client, key.copy(is_verified=False).sign(told)).status_code == 401
    key.count += 1
    assert show(client, key.sign(told)).status_code == 401


def test_what_another_browser_was_asked_is_no_answer_here(app: Flask, key: Authenticator) -> None:
    one, other = app.test_client(), app.test_client()
    told = ask(one)
    ask(other)
    assert show(other, key.sign(told)).status_code == 401


def test_it_is_waited_for_two_minutes(
    app: Flask, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for late, status in ((LASTS - timedelta(seconds=1), 303), (LASTS, 401)):
        at(monkeypatch, NOW)
        client = app.test_client()
        told = ask(client)
        at(monkeypatch, NOW + late)
        assert show(client, key.sign(told)).status_code == status


def test_what_nobody_has_answered_does_not_pile_up(
    app: Flask, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        ask(app.test_client())
    at(monkeypatch, NOW + LASTS)
    ask(app.test_client())
    with app.app_context():
        assert len(db.session.scalars(db.select(PasskeyChallenge)).all()) == 1


def test_what_is_asked_is_random_and_is_nowhere_in_the_browser(app: Flask) -> None:
    clients = [app.test_client(), app.test_client()]
    challenges = {ask(client)["challenge"] for client in clients}
    assert len(challenges) == 2
    assert min(map(len, challenges)) >= 43, "256 bits"
    for client in clients:
        cookie = client.get_cookie("session")
        assert cookie
        assert not any(challenge in cookie.value for challenge in challenges)


def test_a_copied_passkey_is_refused_and_recorded(app: Flask, key: Authenticator) -> None:
    assert come_in(app, key).status_code == 303
    clone = key.copy()
    assert come_in(app, key).status_code == 303
    assert come_in(app, clone).status_code == 401, "it counts what was counted already"
    assert audited(app, "user.passkey.refused") == [
        (
            "system", "user/ada",
            {"passkey": 1, "name": "ring", "sign_count": 2},
            {"passkey": 1, "name": "ring", "sign_count": 2},
        )
    ]  # fmt: skip
    assert len(audited(app, "session.begin")) == 3
    assert come_in(app, key.copy(count=0, counts=False)).status_code == 401
    assert come_in(app, key).status_code == 303


def test_a_passkey_that_does_not_count_lets_in_all_the_same(app: Flask, ada: FlaskClient) -> None:
    key = Authenticator(counts=False)
    add(ada, key)
    for _ in range(2):
        assert come_in(app, key).status_code == 303
    assert audited(app, "user.passkey.refused") == []


def test_of_two_who_show_the_same_count_at_once_one_comes_in(
    app: Flask, key: Authenticator
) -> None:
    with app.app_context():
        asked = [sign_in_passkey.ask_for_passkey("", HERE, NOW) for _ in range(2)]
    answers = [(key.copy().sign(json.loads(told)), of) for of, told in asked]
    came_in: list[str | None] = []
    at_once(
        app,
        [
            lambda a=a, of=of: came_in.append(
                sign_in_passkey.sign_in_with_passkey(a, of, HERE, NOW)
            )
            for a, of in answers
        ],
    )
    assert sum(token is not None for token in came_in) == 1
    assert len(audited(app, "user.passkey.refused")) == 1


def test_of_two_who_show_the_same_answer_at_once_one_comes_in(app: Flask, ada: FlaskClient) -> None:
    key = Authenticator(counts=False)
    add(ada, key)
    with app.app_context():
        of, told = sign_in_passkey.ask_for_passkey("", HERE, NOW)
    answer = key.sign(json.loads(told))
    came_in: list[str | None] = []
    again = [
        lambda: came_in.append(sign_in_passkey.sign_in_with_passkey(answer, of, HERE, NOW))
    ] * 2
    at_once(app, again)
    assert sum(token is not None for token in came_in) == 1


def test_who_is_disabled_does_not_come_in_by_a_passkey(app: Flask, ada: FlaskClient) -> None:
    key = Authenticator()
    add(person(app, "bob", "viewer", now=NOW), key)
    assert come_in(app, key).status_code == 303
    with app.app_context():
        disable_user("bob", "user:ada", NOW)
    assert come_in(app, key).status_code == 401
    assert len(audited(app, "user.passkey.refused")) == 0


def test_control_28_the_session_id_changes_when_a_passkey_signs_in(
    app: Flask, ada: FlaskClient, key: Authenticator
) -> None:
    client = app.test_client()
    told = ask(client)
    laid = ada.get_cookie(COOKIE)
    assert laid
    client.set_cookie(COOKIE, laid.value)  # as somebody else has laid it there
    page = client.get("/it/account").text
    answer = client.post("/login", data=form(page, credential=key.sign(told)))
    assert answer.status_code == 303
    cookie = client.get_cookie(COOKIE)
    assert cookie
    assert cookie.value != laid.value
    assert ada.get("/it").status_code == 401, "and the former one is over"
    assert client.get("/it").status_code == 200


def test_five_wrong_answers_are_looked_at_and_other_passkeys_are_unaffected(
    app: Flask, ada: FlaskClient, key: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = Authenticator()
    add(ada, phone, "phone")
    wrong = key.copy(is_verified=False)
    for _ in range(sign_in.TRIES):
        assert come_in(app, wrong).status_code == 401
    assert come_in(app, key.copy(count=50)).status_code == 429
    assert come_in(app, phone).status_code == 303
    at(monkeypatch, NOW + sign_in.WITHIN)
    assert come_in(app, key.copy(count=60)).status_code == 303
    with app.app_context():
        assert sign_in.sign_in("ada", PASSWORD, NOW + sign_in.WITHIN), "nor is the password"


def test_nobody_learns_who_is_here_nor_which_passkeys(app: Flask, key: Authenticator) -> None:
    told = ask(app.test_client())
    assert told["allowCredentials"] == []
    assert set(told) == {"challenge", "timeout", "rpId", "allowCredentials", "userVerification"}
    known, unknown = key.copy(is_verified=False), Authenticator(handle=key.handle)

    def said(answer: TestResponse) -> tuple[int, str]:
        return answer.status_code, answer.text.partition('role="alert">')[2].partition("<")[0]

    for _ in range(sign_in.TRIES + 1):
        one, other = said(come_in(app, known)), said(come_in(app, unknown))
        assert one == other
    assert one[0] == 429


# --- After the password -------------------------------------------------------------------------


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


# --- Where, and for whom it is required ---------------------------------------------------------


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


# --- What is no answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    ["", "{}", "[]", "null", "no json", '{"id": 1}', "[" * 9000, "x" * 20_000, '{"id": "\\ud800"}'],
)
def test_what_is_no_answer_is_refused(app: Flask, ada: FlaskClient, answer: str) -> None:
    offer(ada)
    assert put_in(ada, answer).status_code == 303
    client = app.test_client()
    ask(client)
    assert show(client, answer).status_code == 401


CHALLENGE = b"c" * 32
TOLD = {
    "challenge": base64(CHALLENGE), "rpId": "localhost", "rp": {"id": "localhost"},
    "user": {"id": base64(b"somebody")},
}  # fmt: skip


KEY = Authenticator(handle=b"somebody")
BENDS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=3)


@settings(max_examples=300)
@given(st.integers(0, 3), BENDS, st.integers(0, 400))
def test_a_signature_that_was_bent_is_none(
    part: int, bends: list[tuple[int, int]], cut: int
) -> None:
    said = json.loads(KEY.copy().sign(TOLD))
    place = ("clientDataJSON", "authenticatorData", "signature")[part % 3]
    if not bend(said["response"], place, bends, cut):
        return
    shown = authenticators.shown(json.dumps(said))
    assert shown
    assert authenticators.signed(shown, HERE, CHALLENGE, KEY.public_key()) is None


@settings(max_examples=300)
@given(st.booleans(), BENDS, st.integers(0, 400))
def test_a_new_passkey_that_was_bent_breaks_nothing(
    of_client: bool, bends: list[tuple[int, int]], cut: int
) -> None:
    said = json.loads(KEY.copy().make(TOLD))
    bend(said["response"], "clientDataJSON" if of_client else "attestationObject", bends, cut)
    found = authenticators.made(json.dumps(said), HERE, CHALLENGE)
    assert found is None or of_client or len(found.credential_id) <= 1023


def bend(said: dict[str, str], place: str, bends: list[tuple[int, int]], cut: int) -> bool:
    """Whether it is another now."""
    before = unbase64(said[place])
    whole = bytearray(before)
    for where, value in bends:
        whole[where % len(whole)] = value
    if cut < 40:
        del whole[-1 - cut % len(whole) :]
    said[place] = base64(bytes(whole))
    return bytes(whole) != before
