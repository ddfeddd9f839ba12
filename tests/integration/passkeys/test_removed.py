"""Passkeys are removed by their person, or with an administrator's help."""

from flask import Flask
from flask.testing import FlaskClient

from fleet.store.database import db
from fleet.store.models import RecoveryCode
from tests.support.authenticator import Authenticator
from tests.support.console import form
from tests.support.passkeys import NOW, ask, audited, by_password, come_in, show
from tests.support.staff import person


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
