"""The console shows and does no more than somebody has in their wards."""

import re
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.services.holds import Hand
from fleet.services.places import add_site, add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.report_fault import report_fault
from fleet.store.database import db
from fleet.store.models import Task
from tests.support.console import form
from tests.support.staff import person

MINE, OTHER = "cart-001", "pump-9"


@pytest.fixture
def otto(app: Flask, ada: FlaskClient, now: datetime) -> FlaskClient:
    """IT of one ward. Another hospital has a device too, and both have a broken one."""
    with app.app_context():
        add_site("north", "North", "Europe/Berlin", "test", now)
        add_ward("north", "n-1", "North one", "test", now)
        register_devices([NewDevice("PUMP-9", "tablet", "n-1", OTHER)], "test", now)
        for device_id in (MINE, OTHER):
            report_fault(device_id, "screen", Hand("user:ada"), now)
    return person(app, "otto", "it_operator", "ward:ward-3a")


def bulk(client: FlaskClient, **values: str) -> str:
    page = client.get("/it/devices").text
    return client.post("/it/devices/bulk", data=form(page, **values), follow_redirects=True).text


def test_tickets_search_and_files_are_of_ones_own_wards(
    ada: FlaskClient, otto: FlaskClient
) -> None:
    for address in ("/it/tickets", "/it/devices.csv", "/it/search?q=pump", "/it/overview.csv"):
        assert OTHER.upper() not in otto.get(address).text.upper()
    for address in ("/it/tickets", "/it/devices.csv", "/it/search?q=pump"):
        assert OTHER.upper() in ada.get(address).text.upper()
    assert MINE in otto.get("/it/devices.csv").text
    assert "CART-001" in otto.get("/it/tickets").text


def test_people_are_found_by_administrators_alone(ada: FlaskClient, otto: FlaskClient) -> None:
    assert "who=user" in ada.get("/it/search?q=otto").text
    assert "who=user" not in otto.get("/it/search?q=otto").text


def test_a_file_is_for_who_may_see_its_list(otto: FlaskClient, ada: FlaskClient) -> None:
    for table in ("audit", "tokens", "quarantine", "enrolment", "batteries"):
        assert otto.get(f"/it/{table}").status_code == 403
        assert otto.get(f"/it/{table}.csv").status_code == 403
        assert ada.get(f"/it/{table}.csv").status_code == 200


def test_the_overview_counts_ones_own_and_says_nothing_of_the_house(otto: FlaskClient) -> None:
    page = otto.get("/it").text
    needs = set(re.findall(r'data-need="(\w+)"', page))
    assert not needs & {"backup", "drill", "packs", "quarantine", "authority", "waiting"}
    assert re.search(r"Tablets <span[^>]*>0<", page)
    assert "North one" not in page


def test_many_at_once_pass_over_what_is_elsewhere(app: Flask, otto: FlaskClient) -> None:
    page = bulk(otto, action="decommission", device=OTHER)
    assert "none of them is known" in page
    page = bulk(otto, action="move", ward="n-1", device=MINE)
    assert "no such ward: n-1" in page
    page = bulk(otto, action="decommission", all="1")
    assert MINE.upper() in page
    assert OTHER.upper() not in page
    with app.app_context():
        assert db.session.query(Task).count() == 1


def test_long_work_of_others_is_seen_by_who_has_all_devices(
    ada: FlaskClient, otto: FlaskClient
) -> None:
    bulk(ada, action="decommission", device=OTHER)
    assert otto.get("/it/tasks/1").status_code == 404
    assert otto.get("/it/tasks/1.csv").status_code == 404
    page = otto.get("/it/tasks").text
    assert "/it/tasks/1" not in page
    assert otto.post("/it/tasks/1/cancel", data=form(page)).status_code == 404
    bulk(otto, action="decommission", device=MINE)
    assert "/it/tasks/2" in otto.get("/it/tasks").text
    assert "/it/tasks/2" in ada.get("/it/tasks").text


def test_who_looks_after_the_people_of_one_hospital_sees_no_others(
    app: Flask, otto: FlaskClient
) -> None:
    nora = person(app, "nora", "administrator", "site:north")
    assert "who=user" not in nora.get("/it/search?q=otto").text
    page = nora.get("/it/badges").text
    assert "otto" not in page
    assert "Give this badge" not in page
