"""Who may do what, read off the route map: control 22."""

import pytest
from flask import Flask

from fleet.domain.access import Access, Role
from fleet.services.api_tokens import create_api_token
from tests.support.api import Hospital, now
from tests.support.routes import Browser, address, routes
from tests.support.staff import person

NURSES = {Access.OPEN, Access.OWN, Access.USE}
"""What a nurse may change: their own account, and the carts that they take."""


def test_control_22_a_nurse_calls_every_changing_route_of_it_in_vain(hospital: Hospital) -> None:
    app = hospital.app
    nurse = Browser(person(app, "nia", "ward_nurse"))
    with app.app_context():
        token = create_api_token("nurse", ["read", "write"], None, "t", now(), Role.WARD_NURSE)
    changing = [r for r in routes(app) if r.changes and r.access not in NURSES]
    assert len(changing) > 50
    for route in changing:
        assert nurse.ask(app, route).status_code == 403, route
        answer = app.test_client().open(
            address(app, route), method=route.method, headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 403, route


def test_what_changes_something_and_is_for_nurses_is_known(app: Flask) -> None:
    open_to_nurses = {r.rule for r in routes(app) if r.changes and r.access in NURSES}
    their_own = {rule for rule in open_to_nurses if rule.startswith(("/it/account", "/it/filters"))}
    used = {r.rule for r in routes(app) if r.changes and r.access == Access.USE}
    assert open_to_nurses - their_own - used == {
        "/login", "/login/code", "/login/passkey", "/logout", "/setup/<token>",
        "/screen", "/badge", "/badge/pin", "/badge/touch", "/badge/off",
    }  # fmt: skip


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMINISTRATOR])
def test_people_and_tokens_are_for_administrators_alone(hospital: Hospital, role: Role) -> None:
    app = hospital.app
    browser = Browser(person(app, "somebody", role))
    about_people = [r for r in routes(app) if r.access == Access.PEOPLE]
    assert len(about_people) > 10
    for route in about_people:
        assert browser.ask(app, route).status_code == 403, route


def test_who_proposes_does_not_approve_and_who_approves_does_not_propose(
    hospital: Hospital,
) -> None:
    app = hospital.app
    approving = [r for r in routes(app) if r.access == Access.APPROVE]
    proposing = [r for r in routes(app) if r.access == Access.PROPOSE and r.changes]
    assert len(approving) == len(proposing) == 2
    operator = Browser(person(app, "olga", "it_operator"))
    approver = Browser(person(app, "anne", "it_approver"))
    for browser, routes_of_others in ((operator, approving), (approver, proposing)):
        for route in routes_of_others:
            assert browser.ask(app, route).status_code == 403, route
    for route in approving:
        assert approver.ask(app, route).status_code == 404, "there is no such rollout"


def test_a_token_may_no_more_than_its_role_whatever_its_scopes(hospital: Hospital) -> None:
    with hospital.app.app_context():
        viewer = create_api_token("v", ["read", "write"], None, "t", now(), Role.VIEWER)
        narrow = create_api_token("n", ["read"], None, "t", now(), Role.IT_OPERATOR, "ward:icu")
    new = {"asset_tag": "CART-1", "kind": "medication_cart", "ward": "icu"}
    assert hospital.get("/devices", token=viewer).status_code == 200
    assert hospital.post("/devices", new, token=viewer).status_code == 403
    assert hospital.post("/devices", new, token=narrow).status_code == 403
    hospital.register("CART-2")
    hospital.register("CART-3", ward="oncology")
    found = hospital.get("/devices", token=narrow).get_json()["items"]
    assert [row["device_id"] for row in found] == ["cart-2"]
