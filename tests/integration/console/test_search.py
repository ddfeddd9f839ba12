"""One search for everything, on every page of the console."""

import re
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.services.decommission_device import decommission_device
from fleet.services.places import add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.queries.find import find
from tests.support.plans import plans_of


@pytest.fixture(autouse=True)
def more(app: Flask, ada: FlaskClient, now: datetime) -> None:
    with app.app_context():
        new = [NewDevice("PUMP 7/A", "tablet", "ward-3b", "pump-7a", serial="SN-440017")]
        register_devices(new, "test", now)
        add_ward("lindenhof", "icu", "Intensive care North", "test", now)


@pytest.mark.parametrize(
    ("asked", "addresses"),
    [
        ("cart-002", ["/it/devices/cart-002"]),
        ("sn-44", ["/it/devices/pump-7a"]),
        ("pump-7a", ["/it/devices/pump-7a"]),
        ("3a", ["/it/devices?ward=ward-3a"]),
        ("ward-3b", ["/it/devices?ward=ward-3b"]),
        ("nor", ["/it/devices?ward=icu"]),
        ("intensive care", ["/it/devices?ward=icu"]),
        ("ADA", ["/it/audit?who=user:ada"]),
        ("cart", [f"/it/devices/cart-00{n}" for n in (1, 2, 3)]),
        ("%", []),
        ("_", []),
        ("zzz", []),
        ("", []),
    ],
)
def test_everything_is_found_by_the_beginning_of_its_name(
    ada: FlaskClient, asked: str, addresses: list[str]
) -> None:
    page = ada.get("/it/search", query_string={"q": asked}).text
    assert re.findall(r'<a data-hit href="([^"]+)"', page) == addresses


def test_what_has_left_is_found_where_nothing_else_fits(
    app: Flask, ada: FlaskClient, now: datetime
) -> None:
    with app.app_context():
        decommission_device("pump-7a", "test", now)
    assert "/it/devices/pump-7a" in ada.get("/it/search?q=pump").text


def test_a_name_is_shown_as_text_and_the_search_is_on_every_page(ada: FlaskClient) -> None:
    page = ada.get("/it/search?q=<script>x</script>").text
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page
    for path in ("/it", "/it/devices", "/it/devices/cart-001", "/it/audit", "/it/search"):
        assert 'action="/it/search"' in ada.get(path).text, path


def test_no_device_is_looked_for_by_reading_all_of_them(app: Flask, now: datetime) -> None:
    with app.app_context():
        for plan in plans_of(lambda: find("sn-440017", now)):
            whole = [s for s in plan if re.match(r"SCAN (device|search_token)\b(?!.*INDEX)", s)]
            assert not whole, plan
