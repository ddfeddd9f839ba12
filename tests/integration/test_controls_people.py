"""Who may do what, read off the route map: controls 22 to 25, 29, 30 and 45."""

import re
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from fleet.access import At, declared_by
from fleet.config import SettingError, Settings
from fleet.domain.access import Access, Role
from fleet.services.api_tokens import create_api_token
from fleet.services.disable_user import disable_user
from fleet.services.holds import Hand
from fleet.services.kiosks import add_kiosk
from fleet.services.places import add_site, add_ward
from fleet.services.report_fault import report_fault
from fleet.services.rollouts.propose import propose_rollout
from fleet.services.sign_in import sign_in
from fleet.store.database import db
from fleet.store.models import Alert, BatteryPack, Kiosk, User
from tests.support.api import API, Hospital, now
from tests.support.console import form
from tests.support.staff import PASSWORD, browser_of, person

OPEN = {
    "/", "/board", "/wards/<slug>", "/wards/<slug>/board", "/healthz", "/readyz",
    "/static/<path:filename>", "/setup/<token>", "/login", "/login/code", "/login/sso",
    "/login/sso/back", "/logout", f"{API}/availability", f"{API}/wards",
    f"{API}/wards/<slug:slug>", f"{API}/openapi.json", f"{API}/docs",
    "/carts/<device_id>", "/carts/<device_id>/board", "/wards/<slug>/plan/<sha256>",
    "/screen", "/badge", "/badge/pin", "/badge/touch", "/badge/off",
    "/app.webmanifest", "/sw.js", "/offline", "/language/<code>",
}  # fmt: skip
"""What nobody need prove anything for."""
NURSES = {Access.OPEN, Access.OWN, Access.USE}
"""What a nurse may change: their own account, and the carts that they take."""
OBJECTS = {
    "device_id", "pack_id", "alert_id", "rollout_id", "assignment_id", "kiosk_id", "ticket_id",
}  # fmt: skip


class Route(NamedTuple):
    rule: str
    endpoint: str
    method: str
    arguments: frozenset[str]
    access: Access
    at: At | None

    @property
    def changes(self) -> bool:
        return self.method != "GET"

    @property
    def names_an_object(self) -> bool:
        return bool(self.arguments & OBJECTS) or self.at in (At.WARD, At.SITE, At.SCOPE)


def routes(app: Flask) -> list[Route]:
    """Every method of every route."""
    found: list[Route] = []
    for rule in app.url_map.iter_rules():
        said, arguments = declared_by(app, rule.endpoint), frozenset(rule.arguments)
        declared = (arguments, said["access"], said["at"])
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        found += [Route(rule.rule, rule.endpoint, method, *declared) for method in methods]
    return found


def address(app: Flask, route: Route, **known: object) -> str:
    """Of it, with values for its variables: those that are known, others that fit."""
    values: dict[str, object] = {}
    for name in route.arguments:
        is_number = (name.endswith("_id") and name != "device_id") or name == "number"
        values[name] = known.get(name, 1 if is_number else "abc")
    if "scope" in values:
        values["scope"] = known.get("scope", "ward")
    if "step" in values:
        values["step"] = "pause" if "rollout_id" in values else "disable"
    return app.url_map.bind("localhost").build(route.endpoint, values)


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


class Browser:
    """Of somebody who is signed in, with the proof that a page was ours."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        page = client.get("/it/account").text
        self._proof = form(page)["csrf_token"]

    def ask(self, app: Flask, route: Route, **known: object) -> TestResponse:
        headers = {"X-CSRFToken": self._proof, "If-Match": '"1"'}
        is_api = route.rule.startswith("/api/")
        body: dict[str, object] = {"json": {}} if is_api and route.changes else {}
        return self._client.open(
            address(app, route, **known), method=route.method, headers=headers, **body
        )


# --- Roles ----------------------------------------------------------------------------------


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
        "/login", "/login/code", "/logout", "/setup/<token>",
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


# --- Places ---------------------------------------------------------------------------------


@pytest.fixture
def objects(hospital: Hospital) -> dict[str, object]:
    """One of each kind in the ward `oncology`, and another in `icu`; those of oncology by name."""
    hospital.load()
    for ward, tag in (("icu", "CART-1"), ("oncology", "CART-2")):
        (device_id,) = hospital.register(tag, ward=ward)
        hospital.report(device_id, serial=f"P-{tag}")
        hospital.run_low(device_id)
        assignment_id = hospital.assign(scope="ward", key=ward)
    with hospital.app.app_context():
        device = db.select(db.func.max(Alert.device_pk)).scalar_subquery()
        alert_id = db.session.scalar(db.select(Alert.id).where(Alert.device_pk == device))
        pack_id = db.session.scalar(
            db.select(BatteryPack.id).where(BatteryPack.serial == "P-CART-2")
        )
        hospital.load(settings={"screen_timeout_s": 60, "bluetooth": False})
        rollout_id = propose_rollout(
            "profile", "carts", "2", "ward", "oncology", "user:olga", now()
        )
        add_kiosk("oncology", "station", "user:ada", now())
        kiosk_id = db.session.scalar(db.select(Kiosk.id))
        ticket_id = report_fault("cart-2", "screen", Hand("user:nia"), now()).key
    found: dict[str, object] = {
        "device_id": "cart-2", "alert_id": alert_id, "pack_id": pack_id,
        "assignment_id": assignment_id, "rollout_id": rollout_id,
        "kiosk_id": kiosk_id, "ticket_id": ticket_id,
        "slug": "oncology", "scope": "ward",
    }  # fmt: skip
    assert None not in found.values()
    return found


def test_control_23_what_is_of_another_ward_is_not_there(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    stranger = Browser(person(app, "iris", "administrator", "ward:icu"))
    lent = (Access.OPEN, Access.USE)  # a test of its own says where carts may be used
    about_objects = [r for r in routes(app) if r.names_an_object and r.access not in lent]
    assert len(about_objects) > 35
    for route in about_objects:
        known = dict(objects)
        if route.at == At.SITE:
            known["slug"] = "st-mary"
        assert stranger.ask(app, route, **known).status_code == 404, route


def test_control_23_and_it_is_there_for_who_has_it_in_their_reach(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    reading = [r for r in routes(app) if r.names_an_object and not r.changes]
    assert len(reading) > 10
    for name, where in (("otto", "ward:oncology"), ("sam", "site:st-mary"), ("ada", "everything")):
        own = Browser(person(app, name, "administrator", where))
        for route in reading:
            if route.at != At.SITE and route.access != Access.OPEN:
                assert own.ask(app, route, **objects).status_code == 200, (name, route)


def test_control_23_carts_are_lent_within_a_hospital_and_not_beyond_it(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    with app.app_context():
        add_site("north", "North", "Europe/Berlin", "test", now())
        add_ward("north", "n-1", "North one", "test", now())
    using = [r for r in routes(app) if r.access == Access.USE and r.names_an_object]
    assert len(using) == 4
    stranger = Browser(person(app, "nora", "ward_nurse", "ward:n-1"))
    neighbour = Browser(person(app, "ivan", "ward_nurse", "ward:icu"))
    viewer = Browser(person(app, "vera", "viewer"))
    for route in using:
        assert stranger.ask(app, route, **objects).status_code == 404, route
        assert viewer.ask(app, route, **objects).status_code == 403, route
        assert neighbour.ask(app, route, **objects).status_code in (200, 409, 422), route


def test_control_23_the_same_words_for_what_is_elsewhere_and_what_is_nowhere(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    with hospital.app.app_context():
        token = create_api_token("t", ["read"], None, "t", now(), Role.VIEWER, "ward:icu")
    elsewhere = hospital.get("/devices/cart-2", token=token).get_json()
    nowhere = hospital.get("/devices/cart-9", token=token).get_json()
    for answer in (elsewhere, nowhere):
        del answer["request_id"]
    assert elsewhere == nowhere


def test_control_23_lists_show_only_ones_own(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    app = hospital.app
    client = person(app, "iris", "it_operator", "ward:icu")
    for path, own, other in (
        ("/devices", "cart-1", "cart-2"),
        ("/alerts", "cart-1", "cart-2"),
        ("/batteries", "", "cart-2"),
        ("/compliance", "cart-1", "cart-2"),
        ("/assignments", "icu", "oncology"),
        ("/rollouts", "", "oncology"),
    ):
        answer = client.get(API + path)
        assert answer.status_code == 200, path
        assert own in answer.text, path
        assert other not in answer.text, path
    assert sum(client.get(f"{API}/compliance/summary").get_json().values()) == 1
    for path in ("/it", "/it/devices", "/it/alerts", "/it/shifts", "/it/rollouts/wards",
                 "/it/rollouts", "/it/register", "/it/rollouts/new"):  # fmt: skip
        page = client.get(path)
        assert page.status_code == 200, path
        assert "CART-2" not in page.text, path
        assert "Oncology" not in page.text, path


def test_control_23_nothing_is_brought_to_another_ward(
    hospital: Hospital, objects: dict[str, object]
) -> None:
    with hospital.app.app_context():
        token = create_api_token(
            "t", ["read", "write"], None, "t", now(), Role.ADMINISTRATOR, "ward:icu"
        )
    new = {"asset_tag": "CART-3", "kind": "medication_cart", "ward": "oncology"}
    etag = hospital.get("/devices/cart-1", token=token).headers["ETag"]
    rollout = {"target": "profile", "slug": "carts", "version": "2",
               "scope": "ward", "scope_key": "oncology"}  # fmt: skip
    assigned = {"profile": "carts", "number": 1, "scope": "device", "scope_key": "cart-2"}
    for answer, field in (
        (hospital.post("/devices", new, token=token), "ward"),
        (
            hospital.patch("/devices/cart-1", {"ward": "oncology"}, if_match=etag, token=token),
            "ward",
        ),
        (hospital.post("/rollouts", rollout, token=token), "scope_key"),
        (hospital.post("/assignments", assigned, token=token), "scope_key"),
    ):
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    everybody = {"profile": "carts", "number": 1, "scope": "kind", "scope_key": "medication_cart"}
    assert hospital.post("/assignments", everybody, token=token).status_code == 422
    assert hospital.post("/devices", {**new, "ward": "icu"}, token=token).status_code == 201


# --- Nobody, and what is not theirs to set ----------------------------------------------------


def test_control_24_every_route_outside_the_list_of_open_ones_is_closed_to_strangers(
    app: Flask,
) -> None:
    walked = routes(app)
    assert {r.rule for r in walked if r.access == Access.OPEN} == OPEN
    closed = [r for r in walked if r.rule not in OPEN]
    assert len(closed) > 100
    for route in closed:
        answer = app.test_client().open(address(app, route), method=route.method)
        assert answer.status_code == 401, route
        wrong = app.test_client()
        wrong.set_cookie("wardfleet_session", "made up")
        assert wrong.open(address(app, route), method=route.method).status_code == 401, route


def test_control_25_a_role_or_a_ward_that_comes_along_is_refused_everywhere(
    hospital: Hospital,
) -> None:
    paths = hospital.contract.spec["paths"]
    tried = 0
    for route in routes(hospital.app):
        if not route.rule.startswith("/api/") or not route.changes:
            continue
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", route.rule)
        operation = paths[path][route.method.lower()]
        if "requestBody" not in operation:
            continue
        content = hospital.contract.resolved(operation["requestBody"])["content"]
        schema = hospital.contract.resolved(content["application/json"]["schema"])
        given = {
            name: 1
            for name in ("role", "ward_id", "site_id", "created_by", "version_id", "disabled_at")
            if name not in schema.get("properties", {})
        }
        answer = hospital.ask(route.method, address(hospital.app, route), given, '"1"')
        assert answer.status_code == 422, route
        refused = {error["field"] for error in answer.get_json()["errors"]}
        assert set(given) <= refused, route
        tried += 1
    assert tried > 15


# --- Sessions -------------------------------------------------------------------------------


def test_control_29_after_signing_out_the_old_cookie_is_worthless(app: Flask) -> None:
    client = person(app, "ada", "administrator")
    cookie = client.get_cookie("wardfleet_session")
    assert cookie
    client.post("/logout", data=form(client.get("/it").text))
    thief = app.test_client()
    thief.set_cookie("wardfleet_session", cookie.value)
    assert thief.get("/it").status_code == 401
    assert thief.get(f"{API}/devices").status_code == 401


def test_control_30_the_sessions_of_who_is_disabled_end_at_once(app: Flask) -> None:
    person(app, "ada", "administrator")
    browsers = [person(app, "bob", "administrator"), browser_of(app, "bob")]
    for browser in browsers:
        assert browser.get("/it").status_code == 200
    with app.app_context():
        disable_user("bob", "user:ada", now())
    for browser in browsers:
        assert browser.get("/it").status_code == 401
        assert browser.get(f"{API}/devices").status_code == 401
    with app.app_context():
        assert sign_in("bob", PASSWORD, now()) is None


# --- What is there from the start -------------------------------------------------------------


def test_control_45_there_is_no_account_before_somebody_makes_one(app: Flask) -> None:
    with app.app_context():
        assert db.session.scalar(db.select(db.func.count()).select_from(User)) == 0
        for name in ("admin", "administrator", "root", "wardfleet", "user"):
            for password in ("", "admin", "password", "changeme", name):
                assert sign_in(name, password, now()) is None


@pytest.mark.parametrize("weak", ["", "secret", "changeme" * 8, "0" * 64, "abcd" * 16])
def test_control_45_a_weak_key_does_not_start(settings: Settings, weak: str) -> None:
    from fleet import create_app

    settings.make_data_dir()
    (settings.data_dir / "secret_key").write_text(weak)
    with pytest.raises(SettingError, match="secret_key: too weak"):
        create_app(settings)


def test_control_45_the_key_that_is_made_is_long_new_each_time_and_only_its_users(
    settings: Settings, tmp_path: object
) -> None:
    first = settings.secret_key()
    path = settings.data_dir / "secret_key"
    assert len(first) == 64
    assert path.stat().st_mode & 0o077 == 0
    path.unlink()
    assert settings.secret_key() != first
