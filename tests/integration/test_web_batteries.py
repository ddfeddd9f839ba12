"""The batteries pages, their files, and the API: what is learned, safely shown; prices entered."""

import csv
import re
from datetime import UTC, datetime
from io import StringIO

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.services.first_administrator import create_administrator, offer
from fleet.services.sign_in import sign_in
from fleet.store.database import db
from fleet.store.models import AuditEntry, PackModel
from fleet.web import csv_packs
from tests.support.api import Hospital
from tests.support.packs import Worn, know, put_in

PASSWORD = "correct horse battery"
EVIL = "<script>x</script>"


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.register("CART-001", "CART-002")
    with app.app_context():
        put_in(
            [
                Worn("cart-001", EVIL, model="=1+1", falls_in_days=10),
                Worn("cart-002", "P-2", model="A/B", health_pct=None),
            ],
            datetime.now(UTC),
        )
    return hospital


@pytest.fixture
def ada(hospital: Hospital, client: FlaskClient) -> FlaskClient:
    now = datetime.now(UTC)
    with hospital.app.app_context():
        create_administrator(offer(now) or "", "ada", PASSWORD, now)
        session = sign_in("ada", PASSWORD, now)
    assert session
    client.set_cookie("wardfleet_session", session)
    return client


def form(client: FlaskClient, path: str, **values: str) -> dict[str, str]:
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found
    return {"csrf_token": found[1], **values}


def test_what_a_device_says_is_shown_and_never_run(ada: FlaskClient) -> None:
    for path in ("/it/batteries", "/it/batteries/1", "/it/battery-models", "/it/devices/cart-001"):
        page = ada.get(path)
        assert page.status_code == 200, path
        assert EVIL not in page.text
    assert "&lt;script&gt;" in ada.get("/it/batteries").text


def test_a_pack_of_which_little_is_known_says_what_is_missing(ada: FlaskClient) -> None:
    assert "Not enough data yet: needs about 12 more days" in ada.get("/it/batteries/2").text
    assert ada.get("/it/batteries/99").status_code == 404


def test_the_csv_has_the_list_and_no_formula(ada: FlaskClient) -> None:
    answer = ada.get("/it/batteries.csv?model=%3D1%2B1")
    assert answer.mimetype == "text/csv"
    head, row = csv.reader(StringIO(answer.text.removeprefix("\ufeff"), newline=""))
    assert dict(zip(head, row, strict=True))["Model"] == "'=1+1"


def test_a_long_list_is_written_whole_part_by_part(
    ada: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_packs, "AT_ONCE", 1)
    answer = ada.get("/it/batteries.csv").text.removeprefix("\ufeff")
    serials = [row["Serial"] for row in csv.DictReader(StringIO(answer, newline=""))]
    assert len(serials) == len(set(serials)) == 2


def test_the_purchase_list_is_a_pdf(ada: FlaskClient) -> None:
    answer = ada.get("/it/batteries.pdf")
    assert (answer.mimetype, answer.data[:5]) == ("application/pdf", b"%PDF-")


def test_a_price_is_entered_and_audited_and_a_wrong_one_is_named(ada: FlaskClient) -> None:
    path = "/it/battery-models/edit"
    right = form(ada, f"{path}?model=A/B", model="A/B", version="0", price="12,5", currency="eur")
    wrong = ada.post(path, data={**right, "price": "much", "threshold_pct": "x"})
    assert wrong.status_code == 422
    assert "an amount like 1249.50" in wrong.text
    assert "a whole number from 30 to 95" in wrong.text
    assert ada.post(path, data=right).status_code == 303
    assert ada.post(path, data=right).status_code == 409  # it was read before
    with ada.application.app_context():
        model = db.session.scalars(db.select(PackModel)).one()
        assert (model.price_cents, model.currency, model.version) == (1250, "EUR", 1)
        entry = db.session.scalars(db.select(AuditEntry).filter_by(subject="battery-model/A/B"))
        assert entry.one().actor == "user:ada"


def test_programs_read_packs_and_put_what_a_model_costs(hospital: Hospital) -> None:
    assert [p["serial"] for p in hospital.everything("/batteries?limit=1")] == [EVIL, "P-2"]
    assert [p["id"] for p in hospital.everything("/batteries?q=cart-002")] == [2]
    assert len(hospital.get("/batteries/1").json["points"]) > 10
    assert hospital.get("/batteries/99").status_code == 404
    assert [m["model"] for m in hospital.everything("/battery-models?limit=1")] == ["=1+1", "A/B"]
    read = hospital.get("/battery-models/A/B")
    facts = {"price_cents": 100, "currency": "EUR"}
    assert hospital.ask("PUT", "/battery-models/A/B", facts).status_code == 428
    etag = read.headers["ETag"]
    lacking = hospital.ask("PUT", "/battery-models/A/B", {"price_cents": 1}, etag)
    assert [e["field"] for e in lacking.json["errors"]] == ["currency"]
    assert hospital.ask("PUT", "/battery-models/A/B", facts, etag).json["price_cents"] == 100
    assert hospital.ask("PUT", "/battery-models/A/B", facts, etag).status_code == 412


def test_the_day_of_purchase_moves_the_warranty(ada: FlaskClient) -> None:
    with ada.application.app_context():
        know("A/B", warranty_months=12)
    path = "/it/batteries/2/bought"
    ada.post(path, data=form(ada, "/it/batteries/2", bought_on="2026-02-03"))
    assert "2027-02-03" in ada.get("/it/batteries/2").text
    ada.post(path, data=form(ada, "/it/batteries/2", bought_on="2999-01-01"))
    assert "2999" not in ada.get("/it/batteries").text
