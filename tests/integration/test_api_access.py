"""Who may do what over the API. Controls 22 to 25, 35 and 44."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.access import UndeclaredPermission, check_declared, declared_by
from fleet.api.access import Access, allow
from fleet.domain.access import READING
from fleet.services.api_tokens import create_api_token, revoke_api_token
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.sign_in import sign_in
from fleet.store.database import db
from fleet.store.models import ApiToken, AuditEntry
from tests.support.api import API, Hospital, ago, now

OPEN = {"/availability", "/wards", "/wards/<slug:slug>", "/openapi.json", "/docs"}
PASSWORD = "correct horse battery"


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Every method of every route of the API: (rule, an address of it, method)."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            values = {name: 1 if "_id" in name and name != "device_id" else "abc"
                      for name in rule.arguments}  # fmt: skip
            values |= {"number": 1} if "number" in rule.arguments else {}
            values |= {"step": "pause"} if "step" in rule.arguments else {}
            with app.test_request_context():
                address = app.url_map.bind("localhost").build(rule.endpoint, values)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule.rule.removeprefix(API), address, method


def signed_in(app: Flask) -> FlaskClient:
    """A browser with a session of its own."""
    with app.app_context():
        token = offer(now())
        assert token is not None
        create_administrator(token, "ada", PASSWORD, now())
        session = sign_in("ada", PASSWORD, now())
    assert session is not None
    client = app.test_client()
    client.set_cookie("wardfleet_session", session)
    return client


def test_every_route_outside_the_list_of_open_ones_is_closed_to_strangers(app: Flask) -> None:
    walked = list(routes(app))
    assert len(walked) > 30
    for rule, address, method in walked:
        answer = app.test_client().open(address, method=method)
        if rule in OPEN:
            assert answer.status_code in (200, 404), (method, rule)
        else:
            assert answer.status_code == 401, (method, rule)
            assert answer.mimetype == "application/problem+json"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_a_token_that_may_only_read_changes_nothing(hospital: Hospital) -> None:
    changing = [r for r in routes(hospital.app) if r[2] != "GET"]
    assert len(changing) >= 8
    for _rule, address, method in changing:
        answer = hospital.ask(method, address, {}, '"1"', token=hospital.token("read"))
        assert answer.status_code == 403, (method, address)
        assert "insufficient_scope" in answer.headers["WWW-Authenticate"]


def test_a_token_that_may_only_write_reads_nothing(hospital: Hospital) -> None:
    assert hospital.get("/devices", token=hospital.token("write")).status_code == 403


def test_what_changes_something_is_not_declared_as_reading(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/"):
            changes = bool((rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"})
            access = declared_by(app, rule.endpoint)["access"]
            assert not changes or access not in READING | {Access.OPEN, Access.OWN}, rule


def test_a_route_without_a_declared_permission_does_not_start(app: Flask) -> None:
    bare = Flask("bare", static_folder=None)
    bare.add_url_rule("/api/v1/forgotten", "forgotten", lambda: "")
    with pytest.raises(UndeclaredPermission, match="forgotten"):
        check_declared(bare)
    bare.view_functions["forgotten"] = allow(Access.READ)(lambda: "")
    check_declared(bare)


def test_a_token_that_is_none_is_refused(hospital: Hospital) -> None:
    for header in ("Bearer wf_wrong", "Bearer", "Bearer ", "Basic YTpi", "wf_wrong", ""):
        answer = hospital.get("/devices", headers={"Authorization": header})
        assert answer.status_code == 401


def test_an_expired_and_a_revoked_token_are_refused(hospital: Hospital) -> None:
    with hospital.app.app_context():
        expired = create_api_token("old", ["read"], ago(hours=1), "test", ago(hours=2))
        revoked = create_api_token("lost", ["read"], None, "test", now())
        assert hospital.get("/devices", token=revoked).status_code == 200
        revoke_api_token(2, "test", now())
    assert hospital.get("/devices", token=expired).status_code == 401
    assert hospital.get("/devices", token=revoked).status_code == 401


def test_the_scheme_of_a_token_may_be_written_in_any_case(hospital: Hospital) -> None:
    header = f"bearer {hospital.token('read')}"
    assert hospital.get("/devices", headers={"Authorization": header}).status_code == 200


def test_a_signed_in_browser_may_read(app: Flask) -> None:
    assert signed_in(app).get(f"{API}/devices").status_code == 200


def test_a_cookie_alone_changes_nothing(app: Flask) -> None:
    answer = signed_in(app).post(f"{API}/sites", json={"slug": "north", "name": "North"})
    assert answer.status_code == 403
    assert answer.mimetype == "application/problem+json"


def test_a_cookie_with_the_pages_token_changes_something_in_its_users_name(app: Flask) -> None:
    browser = signed_in(app)
    page = browser.get(f"{API}/docs").text
    csrf = page.split('data-csrf="')[1].split('"')[0]
    answer = browser.post(
        f"{API}/sites", json={"slug": "north", "name": "North"}, headers={"X-CSRFToken": csrf}
    )
    assert answer.status_code == 201, answer.text
    with app.app_context():
        entry = db.session.scalars(db.select(AuditEntry).filter_by(action="site.add")).one()
        assert entry.actor == "user:ada"


def test_beside_a_wrong_token_a_good_cookie_counts_for_nothing(app: Flask) -> None:
    browser = signed_in(app)
    for header in ("Bearer wf_wrong", "Basic YTpi"):
        answer = browser.get(f"{API}/devices", headers={"Authorization": header})
        assert answer.status_code == 401


def test_the_audit_log_names_the_token_that_changed_something(hospital: Hospital) -> None:
    assert hospital.post("/sites", {"slug": "north", "name": "North"}).status_code == 201
    with hospital.app.app_context():
        entry = db.session.scalars(db.select(AuditEntry).filter_by(subject="site/north")).one()
        token = db.session.scalars(db.select(ApiToken)).one()
        assert entry.actor == f"token/{token.id}"


def test_a_field_that_is_not_ones_to_set_is_refused_by_name(hospital: Hospital) -> None:
    hospital.register("CART-1")
    for field in ("version", "id", "lifecycle", "ward_id", "role", "created_at"):
        new = {"asset_tag": "CART-2", "kind": "medication_cart", "ward": "icu", field: 1}
        etag = hospital.get("/devices/cart-1").headers["ETag"]
        for answer in (
            hospital.post("/devices", new),
            hospital.patch("/devices/cart-1", {field: 1}, if_match=etag),
        ):
            assert answer.status_code == 422
            assert [error["field"] for error in answer.json["errors"]] == [field]
        assert [d["device_id"] for d in hospital.everything("/devices")] == ["cart-1"]


def test_a_fault_of_ours_is_a_problem_without_a_stack_trace(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("fleet.api.alerts.find_alerts", broken)
    answer = hospital.get("/alerts")
    assert answer.status_code == 500
    assert answer.mimetype == "application/problem+json"
    assert answer.json == {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": 500,
        "request_id": answer.headers["X-Request-ID"],
    }
