"""Signing in by a passkey alone, and what is not one."""

import json
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleet.identity import COOKIE
from fleet.services import sign_in, sign_in_passkey
from fleet.services.disable_user import disable_user
from fleet.services.passkey_challenges import LASTS
from fleet.store.database import db
from fleet.store.models import PasskeyChallenge
from tests.integration.test_people import at_once
from tests.support.authenticator import Authenticator
from tests.support.console import form
from tests.support.passkeys import (
    HERE,
    NOW,
    REFUSED,
    WRONG,
    add,
    ask,
    at,
    audited,
    come_in,
    show,
)
from tests.support.staff import PASSWORD, person


@pytest.mark.parametrize("how", WRONG)
def test_what_was_signed_otherwise_lets_nobody_in(app: Flask, key: Authenticator, how: str) -> None:
    answer = come_in(app, key.copy(**WRONG[how]))
    assert answer.status_code == 401
    assert REFUSED in answer.text
    assert come_in(app, key).status_code == 303


def test_another_key_under_the_same_id_lets_nobody_in(
    app: Flask, key: Authenticator, caplog: pytest.LogCaptureFixture
) -> None:
    other = Authenticator(credential_id=key.credential_id, handle=key.handle, count=7)
    assert come_in(app, other).status_code == 401
    assert "sign-in refused: ada, wrong passkey" in caplog.messages


def test_a_passkey_that_nobody_has_lets_nobody_in(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    assert come_in(app, Authenticator()).status_code == 401
    assert "sign-in refused: a passkey that nobody has, or another's" in caplog.messages


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


def test_nor_does_who_has_kept_the_cookie_answer_twice(app: Flask, key: Authenticator) -> None:
    with app.app_context():
        of, told = sign_in_passkey.ask_for_passkey("", HERE, NOW)
        wrong = key.copy(is_verified=False).sign(json.loads(told))
        right = key.sign(json.loads(told))
        for answer in (wrong, right):
            assert sign_in_passkey.sign_in_with_passkey(answer, of, HERE, NOW) is None
