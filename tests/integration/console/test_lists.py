"""Every list of the console: as a file with safe cells, and with filters that people keep."""

import csv
import re
from collections.abc import Callable
from datetime import datetime
from io import StringIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from fleet.services.add_user import add_user
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.database import db
from fleet.store.models import AuditEntry
from fleet.web import csv_tables
from fleet.web.csv_tables import TABLES
from fleet.web.views.filters import PAGES
from tests.support.console import PASSWORD, form
from tests.support.hospital import run_low, say

EVIL = '=cmd|"/C calc"!A0'


def rows_of(client: FlaskClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return list(csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"), newline="")))


@pytest.fixture
def evil(app: Flask, ada: FlaskClient, now: datetime) -> FlaskClient:
    """A device whose serial is a formula, and a message whose topic is one."""
    with app.app_context():
        new = NewDevice("PUMP-1", "tablet", "ward-3b", model="@SUM(1)", serial=EVIL)
        register_devices([new], "test", now)
        say("telemetry", b"=1+1", now)
        run_low(now)
    return ada


def test_control_37_no_cell_of_any_table_begins_a_formula(evil: FlaskClient) -> None:
    seen = ""
    for table in TABLES:
        for row in rows_of(evil, f"/it/{table}.csv"):
            for cell in row.values():
                assert not (cell or "").startswith(("=", "+", "-", "@", "\t", "\r")), (table, row)
        seen += evil.get(f"/it/{table}.csv").text
    assert "'=cmd" in seen
    assert "'@SUM" in seen


def test_a_file_holds_what_the_screen_shows_by_the_same_filter(evil: FlaskClient) -> None:
    tags = [row["asset_tag"] for row in rows_of(evil, "/it/devices.csv?kind=medication_cart")]
    assert tags == ["CART-001", "CART-002", "CART-003"]
    assert [r["asset_tag"] for r in rows_of(evil, "/it/devices.csv?q=pump")] == ["PUMP-1"]
    assert rows_of(evil, "/it/alerts.csv?kind=offline") == []
    assert [r["kind"] for r in rows_of(evil, "/it/alerts.csv?kind=needs_charging")] in (
        [], ["needs_charging"],
    )  # fmt: skip
    subjects = {row["subject"] for row in rows_of(evil, "/it/audit.csv?subject=pump-1")}
    assert subjects == {"pump-1"}
    page = evil.get("/it/devices?kind=medication_cart&after=CART-001").text
    assert 'href="/it/devices.csv?kind=medication_cart"' in page


def test_a_long_list_is_written_whole_part_by_part(
    app: Flask, ada: FlaskClient, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_tables, "AT_ONCE", 4)
    with app.app_context():
        new = [NewDevice(f"TAB-{n:02d}", "tablet", "ward-3b") for n in range(10)]
        register_devices(new, "test", now)
    tags = [row["asset_tag"] for row in rows_of(ada, "/it/devices.csv")]
    assert tags == sorted(tags)
    assert len(tags) == 13
    ids = [int(row["id"]) for row in rows_of(ada, "/it/audit.csv")]
    assert ids == list(range(ids[0], 0, -1))


def test_every_table_is_linked_from_the_page_that_shows_it(ada: FlaskClient) -> None:
    for table in TABLES:
        address = f"/it/{table.replace('_', '-')}"
        assert f'href="/it/{table}.csv' in ada.get(address).text, table
    assert ada.get("/it/nothing.csv").status_code == 404
    assert ada.application.test_client().get("/it/devices.csv").status_code == 401


# --- Filters --------------------------------------------------------------------------------


@pytest.fixture
def keep(ada: FlaskClient) -> Callable[..., tuple[int, str]]:
    def post(page: str, query: str, name: str, client: FlaskClient = ada) -> tuple[int, str]:
        asked = {"page": page, "query": query, "name": name}
        values = form(client.get("/it/devices").text) | asked
        answer = client.post("/it/filters", data=values)
        return answer.status_code, answer.headers.get("Location", "")

    return post


def test_a_filter_is_kept_under_its_name_and_leads_back_to_its_list(
    app: Flask, ada: FlaskClient, keep: Callable[..., tuple[int, str]]
) -> None:
    assert keep("devices", "ward=ward-3a&q=cart", "Carts of 3A") == (
        303,
        "/it/devices?ward=ward-3a&q=cart",
    )
    page = ada.get("/it/devices").text
    assert '<a href="/it/devices?ward=ward-3a&amp;q=cart">Carts of 3A</a>' in page
    assert "Carts of 3A" not in ada.get("/it/alerts").text
    assert keep("devices", "q=tab", "Carts of 3A")[0] == 303
    assert ada.get("/it/devices").text.count("Remove the filter Carts of 3A") == 1
    with app.app_context():
        query = select(AuditEntry.before, AuditEntry.after).where(
            AuditEntry.action == "filter.save"
        )
        assert db.session.execute(query.order_by(AuditEntry.id)).all() == [
            (None, {"name": "Carts of 3A", "query": "ward=ward-3a&q=cart"}),
            ({"query": "ward=ward-3a&q=cart"}, {"name": "Carts of 3A", "query": "q=tab"}),
        ]


def test_filters_are_ones_own(
    app: Flask, ada: FlaskClient, keep: Callable[..., tuple[int, str]], now: datetime
) -> None:
    keep("devices", "q=cart", "mine")
    with app.app_context():
        add_user("bob", PASSWORD, "test", now, "it_operator")
    bob = app.test_client()
    bob.post("/login", data=form(bob.get("/login").text, username="bob", password=PASSWORD))
    page = bob.get("/it/devices").text
    assert "Remove the filter mine" not in page
    found = re.search(r"/it/filters/(\d+)/remove", ada.get("/it/devices").text)
    assert found
    assert bob.post(found[0], data=form(page)).status_code == 404
    assert ada.post(found[0], data=form(ada.get("/it/devices").text)).status_code == 303
    assert "Remove the filter mine" not in ada.get("/it/devices").text


def test_a_filter_that_leads_elsewhere_or_has_no_name_is_not_kept(
    ada: FlaskClient, keep: Callable[..., tuple[int, str]]
) -> None:
    assert keep("nowhere", "q=1", "x")[0] == 404
    assert keep("devices", '"><script>=1', "x") == (303, "/it/devices?%22%3E%3Cscript%3E=1")
    assert "<script>=1" not in ada.get("/it/devices").text
    keep("devices", "q=1", " ")
    assert "name: 1 to 64 printable characters" in ada.get("/it").text


@pytest.mark.parametrize("page", PAGES)
def test_every_list_with_a_filter_can_keep_it(ada: FlaskClient, page: str) -> None:
    shown = ada.get(f"/it/{page}?state=open&before=2026-01-01").text
    assert f'name="page" value="{page}"' in shown
    assert 'name="query" value="state=open' in shown
