"""Nobody, and what is not theirs to set: controls 24, 25, 29, 30 and 45."""

import re

import pytest
from flask import Flask

from fleet.config import SettingError, Settings
from fleet.domain.access import Access
from fleet.services.disable_user import disable_user
from fleet.services.sign_in import sign_in
from fleet.store.database import db
from fleet.store.models import User
from tests.support.api import API, Hospital, now
from tests.support.console import form
from tests.support.routes import address, routes
from tests.support.staff import PASSWORD, browser_of, person

OPEN = {
    "/", "/board", "/wards/<slug>", "/wards/<slug>/board", "/healthz", "/readyz",
    "/static/<path:filename>", "/setup/<token>", "/login", "/login/code", "/login/passkey",
    "/login/sso", "/login/sso/back", "/logout", f"{API}/availability", f"{API}/wards",
    f"{API}/wards/<slug:slug>", f"{API}/openapi.json", f"{API}/docs",
    "/carts/<device_id>", "/carts/<device_id>/board", "/wards/<slug>/plan/<sha256>",
    "/screen", "/badge", "/badge/pin", "/badge/touch", "/badge/off",
    "/app.webmanifest", "/sw.js", "/offline", "/language/<code>",
}  # fmt: skip
"""What nobody need prove anything for."""


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
