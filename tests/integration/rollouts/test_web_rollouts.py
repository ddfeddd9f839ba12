"""The pages of rollouts: proposed, watched, steered; and what wards need."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.services.rollouts.approve import approve_rollout
from fleet.store.database import db
from fleet.store.models import Ward
from tests.support.console import form, signed_in
from tests.support.rollouts import Carts


@pytest.fixture
def ward_carts(app: Flask) -> Carts:
    with app.app_context():
        made = Carts()
        made.forget_words()
        made.now = datetime.now(UTC)
        made.rest()
        return made


@pytest.fixture
def ada(app: Flask, client: FlaskClient, ward_carts: Carts) -> FlaskClient:
    return signed_in(app, client)


def propose(ada: FlaskClient, **changed: str) -> str:
    page = ada.get("/it/rollouts/new").text
    wanted = {"what": "profile/carts/2", "where": "site:lindenhof", "shares": "30, 100", **changed}
    answer = ada.post("/it/rollouts/new", data=form(page, **wanted))
    return answer.headers.get("Location", answer.text)


def test_a_rollout_is_proposed_and_its_failures_are_told_with_their_reasons(
    app: Flask, ada: FlaskClient, ward_carts: Carts
) -> None:
    path = propose(ada, canaries="2")
    assert path == "/it/rollouts/1"
    assert "Nothing happens before somebody else" in ada.get(path).text
    data = form(ada.get(path).text, version="1", back=path)
    ada.post(f"{path}/approve", data=data)
    assert "who starts a rollout cannot approve it" in ada.get(path).text
    with app.app_context():
        approve_rollout(1, "user:bob", ward_carts.now)
        ward_carts.turn()
        bad = ward_carts.told_anything()[0]
        ward_carts.answer(bad, screen_timeout_s=5)
        ward_carts.turn()
    page = ada.get(path).text
    assert "Halted" in page
    assert bad.upper() in page
    assert "settings.screen_timeout_s" in page
    assert "Canaries" in page
    assert "Ward 1" in page
    assert "carts 2" in ada.get("/it/rollouts").text
    assert "its ring has not begun" in ada.get(f"{path}?state=queued").text


def test_a_plan_that_cannot_work_is_shown_with_the_field_that_is_wrong(ada: FlaskClient) -> None:
    page = propose(ada, canaries="0", soak_min="soon")
    assert "a whole number" in page
    page = propose(ada, canaries="0")
    assert "from 1 to 100" in page
    assert "rising percentages" in propose(ada, shares="5, 50")


def test_a_step_on_what_somebody_has_changed_is_refused(
    app: Flask, ada: FlaskClient, ward_carts: Carts
) -> None:
    with app.app_context():
        ward_carts.begin()
    data = form(ada.get("/it/rollouts/1").text, version="1", back="/it/rollouts/1")
    ada.post("/it/rollouts/1/pause", data=data)
    assert "has changed since it was read" in ada.get("/it/rollouts/1").text
    ada.post("/it/rollouts/1/pause", data={**data, "version": "2"})
    assert "Paused" in ada.get("/it/rollouts/1").text
    assert ada.post("/it/rollouts/1/explode", data=data).status_code == 404


def test_the_blackout_shows_on_every_rollout(
    app: Flask, ada: FlaskClient, ward_carts: Carts
) -> None:
    with app.app_context():
        ward_carts.begin()
    page = ada.get("/it/rollouts").text
    ada.post("/it/blackout", data=form(page, reason="mass casualty"))
    assert "mass casualty" in ada.get("/it/rollouts/1").text
    ada.post("/it/blackout", data=form(page, end="1"))
    assert "mass casualty" not in ada.get("/it/rollouts/1").text


def test_wards_say_what_they_need(app: Flask, ada: FlaskClient) -> None:
    page = ada.get("/it/rollouts/wards").text
    data = form(page, windows="mon-fri 22:00-05:00; sun 13:00-15:00", min_available="3")
    assert ada.post("/it/rollouts/wards/ward-1", data=data).status_code == 303
    with app.app_context():
        ward = db.session.scalars(db.select(Ward).filter_by(slug="ward-1")).one()
        assert ward.maintenance_windows == ["mon-fri 22:00-05:00", "sun 13:00-15:00"]
        assert ward.min_available == 3
    wrong = ada.post("/it/rollouts/wards/ward-1", data=form(page, windows="x", min_available="3"))
    assert wrong.status_code == 422
    assert "like 22:00-05:00" in wrong.text
