"""Every page answers, to whom it should, and says what the database says."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.services.errors import Invalid
from fleet.services.first_administrator import VALID_FOR, offer
from fleet.services.places import add_ward
from fleet.services.recovery import Proof, note_drill
from fleet.services.register_devices import NewDevice, register_devices
from tests.support.hospital import build_hospital, reading, run_low, say, telemetry
from tests.support.signs import all_well

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def hospital(app: Flask) -> None:
    now = datetime.now(UTC)
    with app.app_context():
        build_hospital(carts=3)
        say("telemetry", telemetry(reading(1, soc=92, at=now)), now)
        run_low(now, "cart-002")
        low = telemetry(reading(1, soc=12, at=now, battery={"serial": "LFP-2"}))
        say("telemetry", low, now, "cart-002")
        say("telemetry", b"<script>alert(1)</script>", now)
        say("birth", {"v": 1, "boot": 1, "session": 1}, now, "cart-099")


def form(page: str, **values: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return {"csrf_token": found[1], **values}


@pytest.fixture
def ada(app: Flask, client: FlaskClient) -> FlaskClient:
    """The first administrator, signed in through the set-up link."""
    with app.app_context():
        token = offer(datetime.now(UTC))
    page = client.get(f"/setup/{token}").text
    answer = client.post(
        f"/setup/{token}", data=form(page, username="ada", password=PASSWORD, again=PASSWORD)
    )
    assert answer.headers["Location"] == "/it"
    return client


def test_the_ward_board_needs_no_login_and_names_the_best_cart_and_why(
    client: FlaskClient,
) -> None:
    board = client.get("/wards/ward-3a").text
    best = board[board.index('id="best"') : board.index("</section>")]
    for words in ("CART-001", "92", "at least", "bay 1"):
        assert words in best
    assert "Plug in now" in board
    assert "CART-003" in board[board.index("Not heard of") :]


def test_an_empty_etag_is_answered_with_the_board(client: FlaskClient) -> None:
    answer = client.get("/wards/ward-3a/board", headers={"If-None-Match": '""'})
    assert answer.status_code == 200


def test_an_unchanged_board_is_answered_with_304_and_a_changed_one_is_not(
    app: Flask, client: FlaskClient
) -> None:
    first = client.get("/wards/ward-3a/board")
    again = client.get("/wards/ward-3a/board", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    now = datetime.now(UTC)
    with app.app_context():
        say("telemetry", telemetry(reading(2, soc=91, at=now)), now)
    changed = client.get("/wards/ward-3a/board", headers={"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/it", "/it/devices", "/it/devices?q=003", "/it/devices/cart-001", "/it/alerts",
        "/it/quarantine", "/it/profiles", "/it/profiles/medication-cart", "/it/register",
        "/it/profiles/medication-cart/diff?from=1&to=1", "/it/audit", "/it/tokens",
        "/it/enrolment",
        "/it/devices/cart-001/chart.json?span=week",
    ],
)  # fmt: skip
def test_each_page_of_the_console_is_for_those_who_signed_in(
    app: Flask, ada: FlaskClient, path: str
) -> None:
    assert ada.get(path).status_code == 200
    answer = app.test_client().get(path)
    assert answer.status_code == 401
    assert f'action="/login?next={path.partition("?")[0]}' in answer.text


def test_the_setup_link_works_once_and_for_an_hour(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        assert offer(datetime.now(UTC)) is None
    assert ada.get("/setup/whatever").status_code == 404


def test_a_setup_link_is_spent_after_its_hour(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        token = offer(datetime.now(UTC) - VALID_FOR - timedelta(seconds=1))
    assert client.get(f"/setup/{token}").status_code == 404


def test_a_weak_password_is_refused_with_the_field(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        token = offer(datetime.now(UTC))
    data = form(client.get(f"/setup/{token}").text, username="ada", password="short", again="short")
    answer = client.post(f"/setup/{token}", data=data)
    assert answer.status_code == 422
    assert "at least 12 characters" in answer.text


def test_after_signing_out_the_old_cookie_is_worthless(app: Flask, ada: FlaskClient) -> None:
    cookie = ada.get_cookie("wardfleet_session")
    assert cookie
    ada.post("/logout", data=form(ada.get("/it").text))
    thief = app.test_client()
    thief.set_cookie("wardfleet_session", cookie.value)
    assert thief.get("/it").status_code == 401


def test_five_wrong_passwords_are_throttled(app: Flask, ada: FlaskClient) -> None:
    other = app.test_client()
    page = other.get("/login").text
    answers = [
        other.post("/login", data=form(page, username="ada", password="wrong")).status_code
        for _ in range(6)
    ]
    assert answers == [401, 401, 401, 401, 401, 429]


def test_control_35_a_change_without_proof_that_the_page_was_ours_is_refused(
    ada: FlaskClient,
) -> None:
    answer = ada.post("/it/tokens", data={"name": "x", "scopes": "read"})
    assert answer.status_code == 403


def test_control_36_what_devices_send_is_shown_as_text(ada: FlaskClient) -> None:
    page = ada.get("/it/quarantine")
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in policy
    assert "cart-099" in page.text


def test_a_device_is_found_by_any_part_of_its_names(ada: FlaskClient) -> None:
    page = ada.get("/it/devices?q=002").text
    assert "CART-002" in page
    assert "CART-001" not in page


def test_a_registered_device_is_there_and_a_second_of_its_name_is_refused(
    ada: FlaskClient,
) -> None:
    data = form(
        ada.get("/it/register").text, asset_tag="CART-900", kind="medication_cart", ward="ward-3b"
    )
    assert ada.post("/it/register", data=data).headers["Location"] == "/it/devices/cart-900"
    again = ada.post("/it/register", data=data)
    assert again.status_code == 422
    assert "is registered already" in again.text


def test_an_alert_is_acknowledged_by_name(ada: FlaskClient) -> None:
    page = ada.get("/it/alerts").text
    action = re.search(r'action="(/it/alerts/\d+/acknowledge)"', page)
    assert action
    ada.post(action[1], data=form(page, version="1", back="/it/alerts"))
    assert "user:ada" in ada.get("/it/alerts").text


def test_health_tells_the_truth(client: FlaskClient) -> None:
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 503
    checks = ready.json["checks"]
    assert checks["database"]["ok"]
    assert not checks["ingest"]["ok"]
    assert checks["ingest"]["do"]


def test_a_sign_of_life_from_the_future_proves_nothing(app: Flask, client: FlaskClient) -> None:
    for ahead, status in ((0, 200), (3, 200), (600, 503)):
        with app.app_context():
            all_well(datetime.now(UTC) + timedelta(seconds=ahead))
        answer = client.get("/readyz")
        assert answer.status_code == status, ahead
    assert "clock" in answer.json["checks"]["schedule"]["do"]
    assert not answer.json["checks"]["broker"]["ok"]


def test_the_overview_shows_the_last_tested_recovery(app: Flask, ada: FlaskClient) -> None:
    def overview_after(proof: Proof) -> str:
        with app.app_context():
            note_drill(proof, "test")
        return ada.get("/it").text

    at = datetime(2026, 11, 24, 2, tzinfo=UTC)
    assert "Last tested recovery:\n<b>none</b>" in ada.get("/it").text
    passed = overview_after(Proof(at, 1.5, file="wardfleet-1.tar", rows=1265))
    assert "2026-11-24 03:00, passed: 1265 rows of wardfleet-1.tar." in passed
    failed = overview_after(Proof(at + timedelta(days=1), 1.5, ("table zone: missing",)))
    assert "2026-11-25 03:00, <b>failed</b>: table zone: missing." in failed
    assert "recovery.drill" in ada.get("/it/audit?subject=recovery").text


def test_control_36_names_like_a_script_are_shown_as_text(app: Flask, ada: FlaskClient) -> None:
    name, now = "<script>alert(1)</script>", datetime.now(UTC)
    with app.app_context():
        with pytest.raises(Invalid, match="asset_tag"):
            register_devices([NewDevice(name, "medication_cart", "ward-3a")], "test", now)
        add_ward("lindenhof", "odd", name, "test", now)
        register_devices([NewDevice("ODD-1", "tablet", "odd", model=name)], "test", now)
    for path in ("/wards/odd", "/carts/odd-1", "/it/devices/odd-1", "/it/devices", "/it/wards"):
        page = ada.get(path).text
        assert "&lt;script&gt;alert(1)" in page, path
        assert "<script>alert" not in page, path
