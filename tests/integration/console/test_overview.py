"""The overview: what needs a human now, first, with its count, its age and what to do about it."""

import re
from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from fleet.domain.words import AlertKind
from fleet.services.enrolment_tokens import make_tokens
from fleet.services.recovery import Proof, note_backup, note_drill
from fleet.store.database import transaction
from fleet.store.enrolment import Certificate, EnrolmentToken
from fleet.store.models import Alert, Device, Rollout, Ward
from fleet.web.needs import URGENT_FIRST
from fleet.web.words import ALERTS
from tests.support.hospital import reading, run_low, say, telemetry


@pytest.fixture
def calm(app: Flask, ada: FlaskClient, now: datetime) -> FlaskClient:
    """Backed up, tried, and with a cart to take."""
    with app.app_context():
        say("telemetry", telemetry(reading(1, soc=95, at=now)), now)
        note_backup("wardfleet-1.tar", 10, "test", now)
        note_drill(Proof(now, 1.0, file="wardfleet-1.tar", rows=10), "test")
    return ada


def needs(client: FlaskClient) -> dict[str, str]:
    """By name, in the order of the page: the text of each, its tags taken out."""
    page = client.get("/it").text
    found = re.findall(r'<li class="[^"]*" data-need="([^"]+)">(.*?)</li>', page, re.DOTALL)
    return {name: " ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", inner, flags=re.DOTALL).split())
            for name, inner in found}  # fmt: skip


def test_nothing_to_do_is_said_plainly(calm: FlaskClient) -> None:
    assert needs(calm) == {}
    assert "Nothing. All is well." in calm.get("/it").text


def test_each_need_has_its_count_its_age_and_its_way(
    app: Flask, calm: FlaskClient, now: datetime
) -> None:
    with app.app_context():
        run_low(now, "cart-002")
        low = telemetry(reading(1, soc=5, at=now, battery={"serial": "LFP-2"}))
        say("telemetry", low, now, "cart-002")
        say("telemetry", b"{", now)
        with transaction() as session:
            session.execute(update(Alert).values(opened_at=now - timedelta(hours=3)))
    found = needs(calm)
    assert list(found) == ["needs_charging", "quarantine"]
    assert re.match(r"1 Needs charging 3 h ago Acknowledge", found["needs_charging"])
    assert re.match(r"1 Message was quarantined in the last day", found["quarantine"])
    assert "Nothing. All is well." not in calm.get("/it").text
    assert 'href="/it/alerts?kind=needs_charging&amp;state=open"' in calm.get("/it").text


def test_a_halted_rollout_stands_above_all_else(
    app: Flask, calm: FlaskClient, now: datetime
) -> None:
    with app.app_context(), transaction() as session:
        for state in ("halted", "proposed", "running"):
            session.add(_rollout(state, now - timedelta(hours=5)))
    found = needs(calm)
    assert list(found) == ["halted", "proposed"]
    assert found["halted"].startswith("1 Rollout has halted")
    assert found["proposed"].startswith("1 Rollout waits for approval 5 h ago")
    page = calm.get("/it/rollouts?state=halted").text
    assert page.count("/it/rollouts/1") > 0
    assert page.count("/it/rollouts/3") == 0


def test_a_device_that_waits_for_approval_says_since_when(
    app: Flask, calm: FlaskClient, now: datetime
) -> None:
    with app.app_context():
        make_tokens(["cart-001"], False, "test", now)
        with transaction() as session:
            session.execute(update(EnrolmentToken).values(used_at=now - timedelta(hours=4)))
    assert needs(calm)["waiting"].startswith("1 Device waits for approval 4 h ago Approve")


def test_a_ward_short_of_carts_is_named_and_wards_without_carts_are_not(
    app: Flask, calm: FlaskClient
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ward).where(Ward.slug == "ward-3a").values(min_available=2))
    assert needs(calm)["short"].startswith("1 3A is short of carts")
    page = calm.get("/it/short-wards").text
    assert "/wards/ward-3a" in page
    assert "/wards/ward-3b" not in page


def test_a_certificate_that_ends_unrenewed_is_a_need_and_a_renewed_one_is_none(
    app: Flask, calm: FlaskClient, now: datetime
) -> None:
    def certify(serial: str, ends: datetime) -> None:
        with app.app_context(), transaction() as session:
            pk = session.scalar(select(Device.id).where(Device.device_id == "cart-001"))
            session.add(
                Certificate(device_pk=pk, serial=serial, issued_at=now, expires_at=ends, pem="")
            )

    certify("a", now + timedelta(days=5))
    assert needs(calm)["certificates"].startswith("1 Device certificate ends unrenewed")
    certify("b", now + timedelta(days=80))
    assert "certificates" not in needs(calm)


def test_a_backup_or_drill_that_is_overdue_or_failed_is_a_need(
    app: Flask, ada: FlaskClient, now: datetime
) -> None:
    with app.app_context():
        say("telemetry", telemetry(reading(1, soc=95, at=now)), now)
    assert needs(ada) == {
        "backup": "1 No backup was ever taken Run fleet backup No backup was ever taken",
        "drill": "1 No backup was ever restored to try it Run fleet drill "
        "No backup was ever restored to try it",
    }
    with app.app_context():
        note_backup("old.tar", 1, "test", now - timedelta(hours=27))
        note_drill(Proof(now - timedelta(days=93), 1.0), "test")
    found = needs(ada)
    assert found["backup"].startswith("1 The nightly backup is overdue 27 h ago")
    assert found["drill"].startswith("1 A recovery drill is overdue 93 days ago")
    with app.app_context():
        note_drill(Proof(now, 1.0, ("table zone: missing",)), "test")
    assert needs(ada)["drill"].startswith("1 The last recovery drill failed")


def test_every_kind_of_alert_has_its_urgency_and_its_word() -> None:
    assert {*URGENT_FIRST, AlertKind.ROLLOUT_HALTED} == set(AlertKind) == set(ALERTS)


def _rollout(state: str, at: datetime) -> Rollout:
    return Rollout(
        target="profile", target_slug="medication-cart", target_version="1", scope="ward",
        scope_key="ward-3a", plan={}, state=state, created_at=at, created_by="test",
    )  # fmt: skip
