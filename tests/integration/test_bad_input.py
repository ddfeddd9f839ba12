"""Whatever a browser or a program is made to send: a refusal in words, and never a 500."""

import re
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DataError, IntegrityError

from fleet.services import register_devices as registration
from fleet.services.first_administrator import create_administrator, offer
from fleet.services.sign_in import sign_in
from fleet.store.database import db, transaction
from fleet.store.people import SetupLink
from tests.support.hospital import build_hospital, reading, run_low, say, telemetry

PASSWORD = "correct horse battery"
TOO_BIG = (2**31, 99_999_999_999, 2**63, 10**30)


@pytest.fixture
def ada(app: Flask, client: FlaskClient) -> FlaskClient:
    """The administrator of a small hospital, signed in. Faults are answered, not raised."""
    app.config["PROPAGATE_EXCEPTIONS"] = False
    now = datetime.now(UTC)
    with app.app_context():
        build_hospital(now=now)
        run_low(now)
        say("telemetry", telemetry(reading(1, soc=5, at=now)), now)
        token = offer(now)
        assert token
        create_administrator(token, "ada", PASSWORD, now)
        session = sign_in("ada", PASSWORD, now)
    assert session
    client.set_cookie("wardfleet_session", session)
    return client


def form(client: FlaskClient, path: str, **values: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found
    return {"csrf_token": found[1], **values}


# --- Control characters ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/wards/{}", "/wards/{}/board", "/setup/{}", "/it/devices/{}", "/it/devices?q={}",
        "/it/devices?ward={}", "/it/devices?after={}", "/it/alerts?kind={}", "/it/audit?subject={}",
        "/it/quarantine?device_id={}",
        "/it/batteries?q={}", "/it/battery-models/edit?model={}",
        "/it/devices?{}=1", "/login?next=/{}", "/nowhere/{}",
    ],
)  # fmt: skip
def test_a_control_character_in_an_address_is_refused(ada: FlaskClient, path: str) -> None:
    for character in ("%00", "%1B", "%7F", "%C2%85"):
        answer = ada.get(path.format(character))
        assert (answer.status_code, answer.mimetype) == (400, "text/html"), character


@pytest.mark.parametrize(
    "path", ["/devices/{}", "/devices?q={}", "/availability?ward={}", "/devices?{}=1"]
)
def test_a_control_character_in_an_address_of_the_api_is_a_problem(
    ada: FlaskClient, path: str
) -> None:
    answer = ada.get("/api/v1" + path.format("a%00b"))
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
    assert "control character" in answer.json["detail"]


def test_a_control_character_in_a_form_is_refused(ada: FlaskClient) -> None:
    data = form(ada, "/it/register", asset_tag="CART\x00", kind="tablet", ward="ward-3a")
    assert ada.post("/it/register", data=data).status_code == 400
    nobody = ada.application.test_client()
    data = form(nobody, "/login", username="a\x00", password="x")
    assert nobody.post("/login", data=data).status_code == 400


def test_a_cell_pasted_from_a_table_is_searched_for(ada: FlaskClient) -> None:
    page = ada.get("/it/devices?q=CART-001%09%0D%0A")
    assert page.status_code == 200
    assert "CART-001" in page.text


# --- Words and numbers of nothing -----------------------------------------------------------


@pytest.mark.parametrize("where", ["floor:3", ":", "ward:nowhere", "kind:pump", "site", "\u2603:x"])
def test_an_assignment_to_nothing_is_refused_with_words(ada: FlaskClient, where: str) -> None:
    path = "/it/profiles/medication-cart"
    answer = ada.post(f"{path}/assign", data=form(ada, path, number="1", where=where, back=path))
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    assert 'class="flash problem"' in ada.get(path).text


@pytest.mark.parametrize(
    "path", ["/it/alerts/{}/acknowledge", "/it/assignments/{}/remove", "/it/tokens/{}/revoke"]
)
def test_an_id_that_no_column_holds_is_not_found(ada: FlaskClient, path: str) -> None:
    data = form(ada, "/it/alerts")
    for number in TOO_BIG:
        assert ada.post(path.format(number), data=data).status_code == 404, number


def test_a_number_that_no_column_holds_finds_nothing(ada: FlaskClient) -> None:
    for number in TOO_BIG:
        for path in ("/it/alerts", "/it/audit", "/it/quarantine"):
            assert ada.get(f"{path}?before={number}").status_code == 200, (path, number)
        diff = ada.get(f"/it/profiles/medication-cart/diff?from=1&to={number}")
        assert diff.status_code == 404
        path = "/it/profiles/medication-cart"
        data = form(ada, path, number=str(number), where="ward:ward-3a", back=path)
        assert ada.post(f"{path}/assign", data=data).status_code == 303
        data = form(ada, "/it/alerts", version=str(number))
        assert ada.post("/it/alerts/1/acknowledge", data=data).status_code == 303


def test_a_cursor_beyond_every_key_is_no_fault_of_ours(ada: FlaskClient) -> None:
    cursor = "WzQ2MTE2ODYwMTg0MjczODc5MDRd"  # [2**62]
    for path in (
        "alerts",
        "assignments",
        "compliance",
        "quarantine",
        "devices/cart-001/transitions",
    ):
        assert ada.get(f"/api/v1/{path}?cursor={cursor}").status_code in (200, 400, 422), path


# --- What the database itself refuses -------------------------------------------------------


def test_of_two_who_register_the_same_device_at_once_one_is_told(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the other had committed between our look and our insert.
    monkeypatch.setattr(registration, "_problems", lambda *_: {})
    data = form(ada, "/it/register", asset_tag="CART-001", kind="medication_cart", ward="ward-3a")
    answer = ada.post("/it/register", data=data)
    assert (answer.status_code, answer.mimetype) == (409, "text/html")
    assert "INSERT" not in answer.text


@pytest.mark.parametrize("fault", [DataError, IntegrityError])
@pytest.mark.parametrize("path", ["/", "/api/v1/wards"])
def test_what_the_database_cannot_take_shows_nothing_of_its_statement(
    ada: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    fault: type[DataError | IntegrityError],
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise fault("SELECT secret", {}, Exception("out of range"))

    monkeypatch.setattr("fleet.store.queries.board.ward_heads", refuse)
    monkeypatch.setattr("fleet.api.wards.find_wards", refuse)
    answer = ada.get(path)
    assert answer.status_code == (400 if fault is DataError else 409)
    assert "secret" not in answer.text
    is_api = path.startswith("/api/")
    assert answer.mimetype == ("application/problem+json" if is_api else "text/html")


def test_times_are_utc_whatever_the_database_server_is_set_to(app: Flask) -> None:
    last = datetime(9999, 12, 31, 23, 30, tzinfo=UTC)
    with app.app_context():
        if db.engine.dialect.name == "postgresql":
            name = db.engine.url.database
            with db.engine.begin() as connection:
                connection.execute(text(f"ALTER DATABASE \"{name}\" SET timezone = 'Asia/Tokyo'"))
            db.engine.dispose()  # the setting is for new connections
        with transaction() as session:
            session.add(SetupLink(token_hash="x", expires_at=last))
        # In Tokyo it is the year 10000 then, which Python cannot say.
        assert db.session.scalar(select(SetupLink.expires_at)) == last


# --- Forms of somebody else -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/login", "/logout", "/it/tokens", "/it/register"])
def test_a_form_without_proof_is_refused_with_and_without_a_session(
    ada: FlaskClient, path: str
) -> None:
    nobody = ada.application.test_client()
    needs_somebody = 401 if path.startswith("/it") else 403
    assert ada.post(path, data={"name": "x"}).status_code == 403
    assert nobody.post(path, data={"name": "x"}).status_code == needs_somebody
    for client in (ada, nobody):  # beside a wrong token, a cookie counts for nothing
        bearer = {"Authorization": "Bearer wf_nothing"}
        assert client.post(path, data={"name": "x"}, headers=bearer).status_code == needs_somebody
