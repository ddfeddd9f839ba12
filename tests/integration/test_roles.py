"""People and what they may: on their page, over the API, in the audit, and in older databases."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from fleet.services import grants
from fleet.services.api_tokens import create_api_token
from fleet.services.disable_user import disable_user
from fleet.services.errors import Conflict, Invalid, NotFound
from fleet.services.sign_in import sign_in
from fleet.store.database import db
from fleet.store.models import AuditEntry, RoleGrant
from fleet.store.queries.people import people
from tests.integration.test_people import at_once
from tests.integration.test_rollout_alerts_migration import migrate, rows
from tests.support.api import Hospital, now
from tests.support.console import form
from tests.support.staff import PASSWORD, browser_of, person


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


@pytest.fixture
def ada(hospital: Hospital) -> FlaskClient:
    return person(hospital.app, "ada", "administrator")


def roles(app: Flask, name: str) -> list[str]:
    with app.app_context():
        (found,) = people(name)
        return [f"{grant.role} of {grant.where}" for grant in found.grants]


def said(app: Flask, subject: str) -> list[tuple[str, str, Any, Any]]:
    """What the audit has about them, the oldest first."""
    with app.app_context():
        query = db.select(AuditEntry).filter_by(subject=subject).order_by(AuditEntry.id)
        return [(e.actor, e.action, e.before, e.after) for e in db.session.scalars(query)]


# --- The page -------------------------------------------------------------------------------


def test_an_administrator_adds_somebody_who_signs_in_and_may_what_was_granted(
    hospital: Hospital, ada: FlaskClient
) -> None:
    new = {"username": "nia", "password": PASSWORD, "role": "ward_manager", "where": "ward:icu"}
    answer = ada.post("/it/people", data=form(ada.get("/it/people").text, **new))
    assert (answer.status_code, answer.location) == (303, "/it/people")
    assert "Ward manager: Intensive Care" in ada.get("/it/people").text
    nia = browser_of(hospital.app, "nia")
    assert nia.get("/it/shifts").status_code == 200
    assert nia.get("/it/people").status_code == 403
    assert said(hospital.app, "user/nia")[0] == (
        "user:ada", "user.create", None, {"name": "nia", "roles": ["ward_manager of ward:icu"]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"username": "Nia!"}, "2 to 64 of a-z"),
        ({"password": "short"}, "at least 12 characters"),
        ({"role": "king"}, "one of viewer, ward_nurse"),
        ({"where": "ward:nowhere"}, "everything, or a site or ward there is"),
        ({"where": ""}, "everything, or a site or ward there is"),
    ],
)
def test_what_will_not_do_is_named_on_the_form(
    hospital: Hospital, ada: FlaskClient, wrong: dict[str, str], words: str
) -> None:
    new = {"username": "nia", "password": PASSWORD, "role": "viewer", "where": "everything"}
    data = form(ada.get("/it/people").text, **{**new, **wrong})
    answer = ada.post("/it/people", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    assert PASSWORD not in answer.text
    with hospital.app.app_context():
        assert [p.username for p in people()] == ["ada"]


def test_a_role_that_is_granted_or_taken_back_counts_with_the_next_request(
    hospital: Hospital, ada: FlaskClient
) -> None:
    nia = person(hospital.app, "nia", "ward_nurse", "ward:icu")
    assert nia.get("/it/shifts").status_code == 403
    page = ada.get("/it/people").text
    granted = form(page, role="ward_manager", where="site:st-mary", back="/it/people")
    assert ada.post("/it/people/nia/roles", data=granted).status_code == 303
    assert nia.get("/it/shifts").status_code == 200
    with hospital.app.app_context():
        grant_id = db.session.scalars(db.select(RoleGrant.id).filter_by(role="ward_manager")).one()
    back = form(page, back="/it/people")
    assert ada.post(f"/it/people/roles/{grant_id}/revoke", data=back).status_code == 303
    assert nia.get("/it/shifts").status_code == 403
    one, both = (
        ["ward_nurse of ward:icu"],
        ["ward_manager of site:st-mary", "ward_nurse of ward:icu"],
    )
    assert said(hospital.app, "user/nia")[-2:] == [
        ("user:ada", "user.grant", {"roles": one}, {"roles": both}),
        ("user:ada", "user.revoke", {"roles": both}, {"roles": one}),
    ]


def test_who_is_disabled_and_enabled_stands_in_the_audit_with_before_and_after(
    hospital: Hospital, ada: FlaskClient
) -> None:
    person(hospital.app, "bob", "viewer")
    page = ada.get("/it/people").text
    for step in ("disable", "enable"):
        answer = ada.post(f"/it/people/bob/{step}", data=form(page, back="/it/people"))
        assert answer.status_code == 303
    entries = [entry for entry in said(hospital.app, "user/bob") if "able" in entry[1]]
    assert entries == [
        ("user:ada", "user.disable", {"disabled": False}, {"disabled": True}),
        ("user:ada", "user.enable", {"disabled": True}, {"disabled": False}),
    ]
    with hospital.app.app_context():
        assert sign_in("bob", PASSWORD, now())


# --- Rules ----------------------------------------------------------------------------------


def test_the_last_administrator_of_everything_stays(hospital: Hospital, ada: FlaskClient) -> None:
    app = hospital.app
    person(app, "sam", "administrator", "site:st-mary")
    with app.app_context():
        own = db.session.scalars(
            db.select(RoleGrant.id).filter_by(role="administrator", site_id=None)
        ).one()
        for change in (
            lambda: grants.revoke_role(own, "user:ada", now()),
            lambda: disable_user("ada", "user:ada", now()),
        ):
            with pytest.raises(Conflict, match="one administrator of everything must stay"):
                change()
    assert roles(app, "ada") == ["administrator of everything"]
    assert ada.get("/it/people").status_code == 200


def test_of_two_administrators_who_disable_each_other_at_once_one_stays(
    hospital: Hospital, ada: FlaskClient
) -> None:
    person(hospital.app, "bob", "administrator")
    changes: list[Callable[[], object]] = [
        lambda n=name: disable_user(n, "test", now()) for name in ("ada", "bob")
    ]
    raised = at_once(hospital.app, changes)
    assert [type(error) for error in raised] == [Conflict]
    with hospital.app.app_context():
        assert sum(p.disabled_at is None for p in people()) == 1


def test_the_same_role_is_not_granted_twice(hospital: Hospital, ada: FlaskClient) -> None:
    person(hospital.app, "nia", "ward_nurse", "ward:icu")
    with hospital.app.app_context():
        for role, where, error in (
            ("ward_nurse", "ward:icu", Conflict),
            ("ward_nurse", "ward:mars", Invalid),
            ("king", "ward:icu", Invalid),
        ):
            with pytest.raises(error):
                grants.grant_role("nia", role, where, "test", now())
        with pytest.raises(NotFound):
            grants.grant_role("nobody", "viewer", "everything", "test", now())
        grants.grant_role("nia", "ward_nurse", "ward:oncology", "test", now())
    assert roles(hospital.app, "nia") == ["ward_nurse of ward:icu", "ward_nurse of ward:oncology"]


# --- The API --------------------------------------------------------------------------------


def test_people_over_the_api(hospital: Hospital) -> None:
    new = {"username": "nia", "password": PASSWORD, "role": "ward_nurse", "where": "ward:icu"}
    made = hospital.post("/people", new)
    assert made.status_code == 201, made.text
    assert made.headers["Location"].endswith("/people/nia")
    assert "password" not in made.get_json()
    assert hospital.post("/people", new).status_code == 409
    both = hospital.post("/people/nia/roles", {"role": "viewer", "where": "site:st-mary"})
    assert [(r["role"], r["where"]) for r in both.get_json()["roles"]] == [
        ("ward_nurse", "ward:icu"), ("viewer", "site:st-mary"),
    ]  # fmt: skip
    grant_id = both.get_json()["roles"][0]["id"]
    assert hospital.delete(f"/people/nia/roles/{grant_id}").status_code == 204
    assert hospital.delete(f"/people/nia/roles/{grant_id}").status_code == 404
    assert hospital.post("/people/nia/disable").get_json()["disabled_at"]
    assert hospital.post("/people/nia/disable").status_code == 409
    assert hospital.post("/people/nia/enable").get_json()["disabled_at"] is None
    assert hospital.post("/people/nia/reset-second-factor").status_code == 409
    assert [p["username"] for p in hospital.everything("/people")] == ["nia"]
    assert hospital.get("/people/eve").status_code == 404
    weak = hospital.post("/people", {**new, "username": "eve", "password": "short"})
    assert [error["field"] for error in weak.get_json()["errors"]] == ["password"]


def test_a_grant_of_somebody_else_is_not_taken_by_a_wrong_address(hospital: Hospital) -> None:
    for name in ("nia", "bob"):
        new = {"username": name, "password": PASSWORD, "role": "viewer"}
        assert hospital.post("/people", new).status_code == 201
    of_bob = hospital.get("/people/bob").get_json()["roles"][0]["id"]
    assert hospital.delete(f"/people/nia/roles/{of_bob}").status_code == 404
    assert roles(hospital.app, "bob") == ["viewer of everything"]


# --- Tokens ---------------------------------------------------------------------------------


def test_a_token_is_made_with_a_role_and_a_place_and_its_page_says_so(
    hospital: Hospital, ada: FlaskClient
) -> None:
    page = ada.get("/it/tokens").text
    data = {**form(page, name="CMDB", role="viewer", where="ward:icu"), "scopes": "read"}
    answer = ada.post("/it/tokens", data=data)
    assert answer.status_code == 200
    assert "Viewer: Intensive Care" in answer.text
    secret = answer.text.split('class="secret">')[1].split("<")[0]
    hospital.register("CART-1")
    hospital.register("CART-2", ward="oncology")
    found = hospital.get("/devices", token=secret).get_json()["items"]
    assert [row["device_id"] for row in found] == ["cart-1"]
    assert hospital.get("/devices/cart-2", token=secret).status_code == 404
    assert ada.post("/it/tokens", data={**data, "role": ""}).status_code == 422


# --- Databases from before --------------------------------------------------------------------


def test_who_was_there_before_is_an_administrator_and_so_are_their_tokens(worker: Flask) -> None:
    with worker.app_context():
        migrate("downgrade", "0013")
        with db.engine.begin() as connection:
            moment = "1764000000000" if connection.dialect.name == "sqlite" else "now()"
            connection.execute(
                text(
                    "INSERT INTO user_account (username, password_hash, created_at)"
                    f" VALUES ('ada', 'x', {moment})"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO api_token (name, token_hash, scopes, created_at, created_by)"
                    f" VALUES ('t', 'h', '[]', {moment}, 'user:ada')"
                )
            )
        migrate("upgrade", "head")
        assert [(g.role, g.where) for g in people("ada")[0].grants] == [
            ("administrator", "everything")
        ]
        assert rows("SELECT role, site_id, ward_id FROM api_token") == [
            ("administrator", None, None)
        ]


def test_who_was_disabled_before_comes_back_without_any_role(worker: Flask) -> None:
    with worker.app_context():
        migrate("downgrade", "0013")
        with db.engine.begin() as connection:
            moment = "1764000000000" if connection.dialect.name == "sqlite" else "now()"
            connection.execute(
                text(
                    "INSERT INTO user_account (username, password_hash, created_at, disabled_at)"
                    f" VALUES ('gone', 'x', {moment}, {moment})"
                )
            )
        migrate("upgrade", "head")
        assert people("gone")[0].grants == []


def test_going_back_lets_nobody_do_more_than_they_could(hospital: Hospital) -> None:
    app = hospital.app
    person(app, "ada", "administrator")
    person(app, "nia", "ward_nurse", "ward:icu")
    person(app, "sam", "administrator", "site:st-mary")
    with app.app_context():
        for name, role, where in (
            ("all", "administrator", "everything"),
            ("some", "administrator", "ward:icu"),
            ("look", "viewer", "everything"),
        ):
            create_api_token(name, ["read"], None, "test", now(), role, where)
        migrate("downgrade", "0013")
        enabled = rows("SELECT username FROM user_account WHERE disabled_at IS NULL")
        assert enabled == [("ada",)]
        assert rows("SELECT name FROM api_token WHERE revoked_at IS NULL") == [("all",)]
        assert rows("SELECT count(*) FROM login_session") == [(0,)]
        if db.engine.dialect.name == "sqlite":
            (table,) = rows("SELECT sql FROM sqlite_master WHERE name = 'api_token'")[0]
            assert "AUTOINCREMENT" in str(table)
        migrate("upgrade", "head")
