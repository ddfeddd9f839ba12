"""What the ward's board says of what people did, and where else there are carts."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.domain.words import Lifecycle
from fleet.ingest.pipeline import process
from fleet.services.decommission_device import decommission_device
from fleet.services.fix_fault import fix_fault
from fleet.services.floor_plans import set_neighbours
from fleet.services.holds import Hand
from fleet.services.places import add_ward
from fleet.services.register_devices import NewDevice, register_devices
from fleet.services.report_fault import report_fault
from fleet.services.retention import forget_old
from fleet.services.take_device import take_device
from fleet.store.database import db
from fleet.store.models import CheckOut, Device, FaultReport
from fleet.store.queries.tickets import NEWS_FOR
from fleet.web import clock
from tests.support.hospital import build_hospital, message, reading, say, state, telemetry

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOARD = "/wards/ward-3a/board"
ANA = Hand("user:ana")


@pytest.fixture(autouse=True)
def hospital(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.app_context():
        build_hospital(now=NOW)
        say("telemetry", telemetry(reading(1, at=NOW)), NOW)
    at(monkeypatch, NOW + timedelta(seconds=5))


def at(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: moment)


def ask(client: FlaskClient, path: str, etag: str = "") -> tuple[int, str, str]:
    answer = client.get(path, headers={"If-None-Match": etag} if etag else {})
    return answer.status_code, answer.headers["ETag"], " ".join(answer.text.split())


def test_the_board_says_since_when_and_until_when_and_nobodys_name(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, before, _ = ask(client, BOARD)
    with app.app_context():
        take_device("cart-001", ANA, NOW)
    status, etag, page = ask(client, BOARD, before)
    assert status == 200
    assert "taken 13:00, due 22:00" in page
    assert "ana" not in page
    late = NOW + timedelta(hours=9)
    at(monkeypatch, late - timedelta(seconds=1))
    _, etag, page = ask(client, BOARD)
    at(monkeypatch, late)
    status, _, page = ask(client, BOARD, etag)  # nobody has spoken: time alone has passed
    assert status == 200
    assert "overdue since 22:00" in page


def test_what_is_broken_stays_in_its_place_when_it_falls_silent(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        report_fault("cart-001", "screen", ANA, NOW)
    at(monkeypatch, NOW + timedelta(hours=1))
    page = ask(client, BOARD)[2]
    group = page[page.index('id="out-of-service"') : page.index('id="not-heard-of"')]
    assert "CART-001" in group
    assert "application or screen" in group
    assert "IT knows since 13:00" in group
    assert 'data-until="never"' in group  # the browser does not move it either


def test_that_it_is_fixed_is_told_for_two_hours(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        deed = report_fault("cart-001", "screen", ANA, NOW)
        fix_fault(deed.key, "user:it", NOW)
    words = "<b>CART-001</b> is fixed: application or screen, 13:00"
    at(monkeypatch, NOW + NEWS_FOR - timedelta(seconds=1))
    _, etag, page = ask(client, BOARD)
    assert words in page
    at(monkeypatch, NOW + NEWS_FOR)
    status, _, page = ask(client, BOARD, etag)
    assert status == 200
    assert words not in page


def lends(app: Flask, ward: str, carts: int) -> None:
    with app.app_context():
        names = [f"{ward}-{n}" for n in range(carts)]
        register_devices(
            [NewDevice(n.upper(), "medication_cart", ward, n) for n in names], "t", NOW
        )
        process([message("telemetry", telemetry(reading(1, at=NOW)), NOW, n) for n in names], NOW)


def test_with_nothing_to_take_it_names_the_nearest_ward_that_can_spare_one(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        add_ward("lindenhof", "ward-9", "9 West", "test", NOW)
        take_device("cart-001", ANA, NOW)
    lends(app, "ward-3b", 1)  # which it needs itself
    assert "can spare" not in ask(client, BOARD)[2]
    lends(app, "ward-9", 3)
    _, etag, page = ask(client, BOARD)
    assert "Nearest that can spare 2:" in page
    assert '9 West</a> <span class="soft">(by floor and name)' in page
    at(monkeypatch, NOW + timedelta(seconds=16))
    assert ask(client, BOARD, etag)[0] == 200  # it looks around again by itself
    with app.app_context():
        set_neighbours("ward-3a", ["ward-9"], "user:it", NOW)
    page = ask(client, BOARD)[2]
    assert "9 West</a>" in page
    assert "by floor and name" not in page


def test_a_device_that_leaves_is_nobodys_and_what_was_done_is_forgotten_in_time(
    app: Flask,
) -> None:
    with app.app_context():
        take_device("cart-001", ANA, NOW)
        report_fault("cart-002", "screen", ANA, NOW)
        for name in ("cart-001", "cart-002"):
            decommission_device(name, "user:it", NOW)
        assert state().hold is None
        assert db.session.get_one(Device, 1).lifecycle == Lifecycle.DECOMMISSIONED
        kinds = (CheckOut, FaultReport)
        assert all(db.session.query(kind).one().ended_at == NOW for kind in kinds)
        ages = app.config["FLEET"].retention
        forget_old(ages, NOW + timedelta(days=1))
        assert [db.session.query(kind).count() for kind in kinds] == [1, 1]
        forget_old(ages, NOW + timedelta(days=731))
        assert [db.session.query(kind).count() for kind in kinds] == [0, 0]
