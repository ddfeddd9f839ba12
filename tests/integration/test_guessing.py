"""How often somebody may try a password: by its name, and from where they try."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from fleet.domain.retention import Kept
from fleet.services import sign_in
from fleet.services.attempts import FROM_ANYWHERE, OF_ADDRESS, network_of
from fleet.services.errors import TooManyAttempts
from fleet.services.retention import forget_old
from fleet.store.database import db
from fleet.store.people import SignInFailure
from tests.integration.test_people import NOW, PASSWORD, at_once, enter, form, try_password

FOR_EVER = dict.fromkeys(Kept, timedelta(20_000))


def test_of_many_passwords_tried_at_once_five_are_looked_at(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(app)
    looked_at = []

    def matches(_stored: str | None, password: str) -> bool:
        looked_at.append(password)
        return False

    monkeypatch.setattr(sign_in, "matches", matches)
    tries = [lambda n=n: sign_in.sign_in("ada", f"guess {n}", NOW) for n in range(12)]
    raised = at_once(app, tries)
    assert len(looked_at) == sign_in.TRIES
    assert {type(error) for error in raised} == {TooManyAttempts}


def test_the_right_password_is_refused_while_its_name_is_throttled_and_others_are_not(
    app: Flask,
) -> None:
    enter(app)
    for _ in range(sign_in.TRIES):
        assert try_password(app, "wrong") is None
    with pytest.raises(TooManyAttempts):
        try_password(app, PASSWORD)
    assert try_password(app, PASSWORD, "bob") is None
    assert try_password(app, PASSWORD, now=NOW + sign_in.WITHIN)


def test_the_right_password_forgives_the_wrong_ones_before_it(app: Flask) -> None:
    enter(app)
    for _ in range(sign_in.TRIES - 1):
        assert try_password(app, "wrong") is None
    assert try_password(app, PASSWORD)
    assert try_password(app, "wrong") is None
    assert try_password(app, PASSWORD)


def test_wrong_passwords_from_elsewhere_do_not_keep_somebody_out(app: Flask) -> None:
    enter(app)
    for _ in range(sign_in.TRIES):
        assert try_password(app, "wrong", address="192.0.2.1") is None
    with pytest.raises(TooManyAttempts):
        try_password(app, PASSWORD, address="192.0.2.1")
    assert try_password(app, PASSWORD, address="192.0.2.2")
    with pytest.raises(TooManyAttempts):  # what they forgive is their own
        try_password(app, PASSWORD, address="192.0.2.1")


def test_a_name_that_is_tried_from_everywhere_is_throttled_everywhere(app: Flask) -> None:
    enter(app)
    for n in range(FROM_ANYWHERE):
        assert try_password(app, "wrong", address=f"192.0.2.{n // 5}") is None
    with pytest.raises(TooManyAttempts):
        try_password(app, PASSWORD, address="198.51.100.1")
    assert try_password(app, PASSWORD, address="198.51.100.1", now=NOW + sign_in.WITHIN)


def test_one_address_does_not_go_through_all_names(app: Flask) -> None:
    enter(app)
    for n in range(OF_ADDRESS):
        assert try_password(app, "Winter2026", f"name{n}", address="192.0.2.1") is None
    with pytest.raises(TooManyAttempts):
        try_password(app, PASSWORD, address="192.0.2.1")
    assert try_password(app, PASSWORD, address="192.0.2.2")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("a socket", "a socket"),
    ],
)
def test_an_ipv6_host_is_one_address_however_many_it_has(address: str, network: str) -> None:
    assert network_of(address) == network


def test_of_many_addresses_of_one_host_five_passwords_are_looked_at(app: Flask) -> None:
    enter(app)
    for n in range(sign_in.TRIES):
        assert try_password(app, "wrong", address=f"2001:db8::{n}") is None
    with pytest.raises(TooManyAttempts):
        try_password(app, PASSWORD, address="2001:db8::ffff")
    assert try_password(app, PASSWORD, address="2001:db8:0:1::1")


def test_from_where_somebody_tried_is_forgotten_with_the_next_turn(app: Flask) -> None:
    enter(app)
    assert try_password(app, "wrong", address="192.0.2.1") is None
    with app.app_context():
        forget_old(FOR_EVER, NOW + timedelta(minutes=4))
        assert db.session.scalars(select(SignInFailure.address)).all() == ["192.0.2.1"]
        forget_old(FOR_EVER, NOW + sign_in.WITHIN)
        assert db.session.scalars(select(SignInFailure.address)).all() == []


def test_the_page_counts_for_the_address_it_is_asked_from(
    client: FlaskClient, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    enter(app)
    page = client.get("/login").text
    stranger, owner = {"REMOTE_ADDR": "192.0.2.1"}, {"REMOTE_ADDR": "192.0.2.2"}

    def post(password: str, who: dict[str, str]) -> int:
        data = form(page, username="ada", password=password)
        return client.post("/login", data=data, environ_base=who).status_code

    assert [post("wrong", stranger) for _ in range(6)] == [401] * 5 + [429]
    assert caplog.messages.count("the last try for now, from 192.0.2.1") == 1
    assert post(PASSWORD, owner) == 303
