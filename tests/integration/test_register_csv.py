"""Devices from a table: through the service, the page and the API."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from fleet.config import Settings
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.errors import Invalid, NotFound
from fleet.services.register_csv import MOST_LINES, register_csv
from fleet.store.database import db
from fleet.store.models import AuditEntry, Device, EnrolmentToken
from fleet.wire.invitation import Invitation
from tests.support.console import form, signed_in
from tests.support.hospital import NOON, build_hospital

HEAD = "asset_tag,serial,kind,model,ward\n"
GOOD = HEAD + "CART-901,S1,medication_cart,Rover 3,ward-3a\nTAB-901,,tablet,,ward-3b\n"
BAD = HEAD + (
    "CART-901,S1,medication_cart,Rover 3,ward-3a\n"
    "\n"
    "CART-902,S2,bed,Rover 3,ward-9\n"
    "CART-001,S3,medication_cart,Rover 3,ward-3a\n"
    "CART-901,S4,medication_cart,Rover 3,ward-3a\n"
)


@pytest.fixture
def hospital(app: Flask) -> Flask:
    with app.app_context():
        build_hospital()
    return app


def devices() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(Device)) or 0


def test_a_table_is_registered_whole(hospital: Flask) -> None:
    with hospital.app_context():
        assert register_csv(GOOD, "user:ada", NOON) == ["cart-901", "tab-901"]
        cart = db.session.scalars(select(Device).where(Device.device_id == "cart-901")).one()
        assert (cart.serial, cart.model, cart.ward.slug) == ("S1", "Rover 3", "ward-3a")
        assert devices() == 4


def test_errors_name_line_and_column_and_nothing_is_registered(hospital: Flask) -> None:
    with hospital.app_context():
        with pytest.raises(Invalid) as error:
            register_csv(BAD, "user:ada", NOON)
        assert error.value.fields == {
            "line 2: asset_tag": "CART-901 is registered already",
            "line 2: device_id": "cart-901 is registered already",
            "line 4: kind": "one of medication_cart, tablet",
            "line 4: ward": "no such ward: ward-9",
            "line 5: asset_tag": "CART-001 is registered already",
            "line 5: device_id": "cart-001 is registered already",
            "line 6: asset_tag": "CART-901 is registered already",
            "line 6: device_id": "cart-901 is registered already",
        }
        assert devices() == 2


def test_a_dry_run_finds_the_same_and_changes_nothing(hospital: Flask) -> None:
    with hospital.app_context():
        before = db.session.scalar(select(func.count()).select_from(AuditEntry))
        assert register_csv(GOOD, "user:ada", NOON, dry_run=True) == ["cart-901", "tab-901"]
        with pytest.raises(Invalid, match="line 4: kind"):
            register_csv(BAD, "user:ada", NOON, dry_run=True)
        assert devices() == 2
        assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: columns"),
        ("asset_tag,kind\nA,tablet\n", "line 1: columns"),
        ("asset_tag,kind,ward,colour\n", "line 1: columns"),
        (HEAD, "csv: at least one device"),
        (HEAD + "CART-9,tablet\n", "line 2: cells: 5, as in the first line"),
        (HEAD + "T-1,,tablet,,ward-3a\n" * (MOST_LINES + 2), f"csv: at most {MOST_LINES}"),
    ],
)
def test_a_table_that_cannot_be_read_says_what_would_be_right(
    hospital: Flask, text: str, words: str
) -> None:
    with hospital.app_context(), pytest.raises(Invalid, match=words):
        register_csv(text, "user:ada", NOON)


def test_what_a_spreadsheet_saves_is_read(hospital: Flask) -> None:
    """A mark before it, semicolons, CRLF, quotation marks, spaces."""
    text = '\ufeffasset_tag;kind;ward;model\r\n"CART-901"; medication_cart ;ward-3a;"Rover; 3"\r\n'
    with hospital.app_context():
        assert register_csv(text, "user:ada", NOON) == ["cart-901"]


def test_a_token_is_kept_as_its_hash_and_audited_without_it(hospital: Flask) -> None:
    with hospital.app_context():
        [ticket] = make_tokens(["cart-001"], False, "user:ada", NOON)
        row = db.session.scalars(select(EnrolmentToken)).one()
        assert len(ticket.token) > 40
        assert ticket.token not in {row.token_hash, str(row.id)}
        entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry
        assert (entry.actor, entry.action, entry.subject) == (
            "user:ada", "enrolment.token", "cart-001",
        )  # fmt: skip
        assert ticket.token not in str(entry.after)
        with pytest.raises(NotFound):
            make_tokens(["cart-001", "cart-404"], False, "user:ada", NOON)


# --- The page and the API -------------------------------------------------------------------


@pytest.fixture
def console(hospital: Flask, client: FlaskClient, settings: Settings) -> FlaskClient:
    settings.pki.make(settings.server_names(), datetime.now(UTC))
    return signed_in(hospital, client)


def test_the_page_shows_what_is_wrong_and_enters_what_is_right(console: FlaskClient) -> None:
    page = console.get("/it/enrolment").text
    bad = console.post("/it/enrolment/csv", data=form(page, csv=BAD))
    assert bad.status_code == 422
    assert "line 4: kind: one of medication_cart, tablet" in bad.text
    looked = console.post("/it/enrolment/csv", data=form(page, csv=GOOD, dry_run="1"))
    assert "2 devices can be registered" in looked.text
    file = {**form(page), "file": (BytesIO(GOOD.encode()), "devices.csv")}
    entered = console.post("/it/enrolment/csv", data=file, follow_redirects=True)
    assert "2 devices are registered" in entered.text


def test_labels_are_a_pdf_that_nobody_keeps(console: FlaskClient) -> None:
    page = console.get("/it/enrolment").text
    answer = console.post("/it/enrolment/labels", data=form(page))
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")
    assert answer.headers["Cache-Control"] == "no-store"
    with console.application.app_context():
        assert len(db.session.scalars(select(EnrolmentToken)).all()) == 2


def test_a_device_page_makes_one_token_and_shows_its_code(console: FlaskClient) -> None:
    page = console.get("/it/devices/cart-001").text
    answer = console.post("/it/devices/cart-001/token", data=form(page))
    assert answer.status_code == 200
    assert "data:image/svg+xml" in answer.text
    assert "wardfleet:enrol?" in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_api_imports_and_makes_tokens(console: FlaskClient) -> None:
    headers = {"X-CSRFToken": form(console.get("/it/enrolment").text)["csrf_token"]}
    bad = console.post("/api/v1/device-imports", json={"csv": BAD}, headers=headers)
    assert bad.status_code == 422
    assert {"line 4: kind", "line 6: asset_tag"} <= {e["field"] for e in bad.json["errors"]}
    looked = console.post(
        "/api/v1/device-imports", json={"csv": GOOD, "dry_run": True}, headers=headers
    )
    assert looked.json == {"device_ids": ["cart-901", "tab-901"], "dry_run": True}
    made = console.post("/api/v1/devices/cart-001/enrolment-token", json={}, headers=headers)
    assert Invitation.parse(made.json["code"]).token == made.json["token"]
    none = console.post("/api/v1/devices/cart-001/approve", headers=headers)
    assert none.status_code == 409
    assert console.post("/api/v1/devices/cart-001/revoke", headers=headers).status_code == 409


def test_without_an_authority_no_token_is_made(hospital: Flask, client: FlaskClient) -> None:
    console = signed_in(hospital, client)
    page = console.get("/it/devices/cart-001").text
    console.post("/it/devices/cart-001/token", data=form(page))
    with hospital.app_context():
        assert db.session.scalars(select(EnrolmentToken)).all() == []
