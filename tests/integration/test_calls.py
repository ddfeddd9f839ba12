"""Calls to charge: said once more where nobody comes, and what became of each."""

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from fleet.domain.calls import ESCALATED_AFTER, IGNORED_AFTER
from fleet.services.calls import follow_calls
from fleet.services.decommission_device import decommission_device
from fleet.services.silence import mark_silent
from fleet.store.database import db, transaction
from fleet.store.models import Alert
from fleet.store.queries.alerts import calls_since
from fleet.web import clock
from tests.support.console import signed_in
from tests.support.hospital import NOON, build_hospital, reading, run_low, say, seconds, telemetry

PLUGGED = {"status": "charging", "power_source": "dock", "current_ma": 8_000}
LATER = NOON + ESCALATED_AFTER


@pytest.fixture
def low(worker: Flask) -> Flask:
    """CART-001 was called for at noon: 12 % left, half an hour of use."""
    with worker.app_context():
        build_hospital()
        call_for("cart-001")
    return worker


def call_for(device_id: str, at: datetime = NOON) -> None:
    run_low(at, device_id)
    say("telemetry", telemetry(reading(1, soc=12, at=at)), at, device_id)


def hear(at: datetime, soc: int, seq: int = 2, **battery: object) -> None:
    say("telemetry", telemetry(reading(seq, soc=soc, at=at, battery=battery)), at)


def call() -> Alert:
    db.session.rollback()
    return db.session.query(Alert).filter_by(kind="needs_charging", device_pk=1).one()


def became() -> tuple[str | None, bool | None]:
    return call().outcome, call().was_right


def test_nobody_comes_and_it_is_said_once_more_and_never_again(low: Flask) -> None:
    with low.app_context():
        hear(LATER - seconds(1), 11)
        assert follow_calls(LATER - seconds(1)) == 0
        assert follow_calls(LATER) == 1
        assert call().escalated_at == LATER
        assert follow_calls(LATER + seconds(10)) == 0
        assert call().escalated_at == LATER
        assert call().version == 1  # who has the page open can still acknowledge it


def test_one_that_was_plugged_in_meanwhile_is_not_called_for_again(low: Flask) -> None:
    with low.app_context():
        hear(NOON + seconds(900), 11, **PLUGGED)
        assert follow_calls(LATER) == 0
        assert call().escalated_at is None
        assert call().state == "resolved"


def test_the_board_says_that_nobody_came_and_shows_that_cart_first(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: LATER + seconds(5))
    with app.app_context():
        build_hospital()
        call_for("cart-001")
        call_for("cart-002", LATER)
        hear(LATER, 11)
        before = app.test_client().get("/wards/ward-3a/board")
        assert "nobody came" not in before.text
        follow_calls(LATER)
    etag = {"If-None-Match": before.headers["ETag"]}
    page = app.test_client().get("/wards/ward-3a/board", headers=etag).text
    plug_in = page[page.index('id="plug-in"') :]
    assert plug_in.index("CART-001") < plug_in.index("CART-002")
    assert "20 min ago</time>, nobody came" in plug_in


def test_one_that_is_plugged_in_was_charged_and_the_call_was_right(low: Flask) -> None:
    with low.app_context():
        hear(NOON + seconds(600), 11, **PLUGGED)
        assert became() == ("charged", True)


def test_a_call_for_one_that_had_lasted_for_hours_was_not_right(low: Flask) -> None:
    with low.app_context():
        hear(NOON + seconds(600), 60, **PLUGGED)
        assert became() == ("charged", False)


def test_one_that_fell_silent_when_its_charge_was_over_has_died_whatever_comes_then(
    low: Flask,
) -> None:
    with low.app_context():
        mark_silent(NOON + seconds(75))
        follow_calls(NOON + timedelta(hours=1))
        assert became() == (None, None)  # it may stand in a lift
        follow_calls(NOON + timedelta(hours=2))
        assert became() == ("died", True)
        hear(NOON + timedelta(hours=3), 20, **PLUGGED)
        assert (call().state, *became()) == ("resolved", "died", True)


def test_one_that_runs_empty_in_use_has_died(low: Flask) -> None:
    with low.app_context():
        hear(NOON + seconds(1_800), 2)
        follow_calls(NOON + seconds(1_800))
        assert became() == ("died", True)


def test_one_that_nobody_followed_and_that_lived_was_ignored(low: Flask) -> None:
    with low.app_context():
        hear(NOON + IGNORED_AFTER, 10)
        follow_calls(NOON + IGNORED_AFTER)
        assert became() == ("ignored", False)


def test_of_one_that_leaves_management_nothing_is_said(low: Flask) -> None:
    with low.app_context():
        decommission_device("cart-001", "test", NOON)
        follow_calls(NOON + timedelta(days=2))
        assert (call().state, *became()) == ("resolved", None, None)


# --- The share that was right ---------------------------------------------------------------


def known(*right: bool, at: datetime) -> None:
    with transaction() as session:
        session.add_all(
            Alert(device_pk=2, kind="needs_charging", state="resolved", opened_at=at,
                  resolved_at=at, outcome="charged", was_right=each)
            for each in right
        )  # fmt: skip


def test_the_share_counts_calls_of_the_last_ninety_days_whose_outcome_is_known(low: Flask) -> None:
    since = NOON - timedelta(days=90)
    with low.app_context():
        assert calls_since(since) == (0, 0)  # one stands, and it is not known
        known(True, True, False, at=NOON - timedelta(days=89))
        known(True, at=NOON - timedelta(days=91))
        assert calls_since(since) == (2, 3)


def test_the_console_says_how_many_were_right_and_what_became_of_each(
    app: Flask, client: FlaskClient
) -> None:
    with app.app_context():
        build_hospital()
    ada = signed_in(app, client)
    for path in ("/it", "/it/alerts"):
        assert "No call to charge has ended in the last 90 days." in ada.get(path).text
    with app.app_context():
        known(*31 * [True], *9 * [False], at=datetime.now(UTC) - timedelta(days=3))
    for path in ("/it", "/it/alerts"):
        assert "31 of 40 calls to charge were right in the last 90 days" in ada.get(path).text
    assert "resolved, <b>was charged</b>" in ada.get("/it/alerts?state=resolved").text
