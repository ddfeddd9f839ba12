"""Alerts and quarantine over the API."""

import base64

import pytest
from flask import Flask

from fleet.domain.outage import HOLD
from fleet.services.judge_silence import judge_silence
from fleet.store.database import db
from fleet.store.models import AuditEntry
from tests.support.api import Hospital, now, statements


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    """CART-1 in the ICU and CART-2 in oncology both need charging."""
    hospital = Hospital(app)
    hospital.register("CART-1")
    hospital.register("CART-2", ward="oncology")
    hospital.run_low("cart-1")
    hospital.run_low("cart-2")
    return hospital


def test_alerts_are_found_by_state_kind_and_ward_the_newest_first(hospital: Hospital) -> None:
    found = hospital.everything("/alerts?limit=1")
    assert [a["device_id"] for a in found] == ["cart-2", "cart-1"]
    assert {(a["kind"], a["state"]) for a in found} == {("needs_charging", "open")}
    assert [a["ward"] for a in hospital.everything("/alerts?ward=icu")] == ["icu"]
    assert len(hospital.everything("/alerts?kind=needs_charging&state=open")) == 2
    assert hospital.everything("/alerts?kind=offline") == []
    assert hospital.everything("/alerts?state=resolved") == []


def test_an_alert_that_is_over_stays_in_the_history(hospital: Hospital) -> None:
    hospital.report("cart-1", soc_pct=92)
    assert [a["device_id"] for a in hospital.everything("/alerts")] == ["cart-2"]
    (over,) = hospital.everything("/alerts?state=resolved")
    assert (over["device_id"], over["resolved_at"] is None) == ("cart-1", False)


def test_an_alert_is_acknowledged_by_whoever_asks(hospital: Hospital) -> None:
    (alert,) = hospital.everything("/alerts?ward=icu")
    where = f"/alerts/{alert['id']}"
    read = hospital.get(where)
    assert read.json == alert
    answer = hospital.post(f"{where}/acknowledge", if_match=read.headers["ETag"])
    assert answer.status_code == 200, answer.text
    assert answer.json["state"] == "acknowledged"
    assert answer.json["acknowledged_by"].startswith("token/")
    assert len(hospital.everything("/alerts")) == 2  # its condition goes on
    with hospital.app.app_context():
        entry = db.session.scalars(
            db.select(AuditEntry).filter_by(action="alert.acknowledge")
        ).one()
        assert entry.actor == answer.json["acknowledged_by"]


def test_an_alert_is_acknowledged_once(hospital: Hospital) -> None:
    (alert,) = hospital.everything("/alerts?ward=icu")
    where = f"/alerts/{alert['id']}"
    etag = hospital.get(where).headers["ETag"]
    assert hospital.post(f"{where}/acknowledge").status_code == 428
    assert hospital.post(f"{where}/acknowledge", if_match=etag).status_code == 200
    assert hospital.post(f"{where}/acknowledge", if_match=etag).status_code == 412
    assert hospital.post(f"{where}/acknowledge", if_match="*").status_code == 409


def test_an_alert_that_is_not_there_is_404(hospital: Hospital) -> None:
    for number in (10_000, 2**31 - 1, 2**31, 10**30):
        assert hospital.get(f"/alerts/{number}").status_code == 404
        answer = hospital.post(f"/alerts/{number}/acknowledge", if_match="*")
        assert answer.status_code == 404
        assert answer.mimetype == "application/problem+json"


def test_a_page_of_alerts_costs_the_same_however_long(hospital: Hospital) -> None:
    hospital.token("read", "write")
    counts = []
    for limit in (1, 2):
        with statements(hospital.app) as sent:
            assert len(hospital.get(f"/alerts?limit={limit}").json["items"]) == limit
        counts.append(len(sent))
    assert counts[0] == counts[1]


def test_messages_in_quarantine_are_shown_as_they_came(hospital: Hospital) -> None:
    hospital.say("cart-1", "telemetry", b"\x00\xff<script>")
    hospital.say("cart-9", "telemetry", {"v": 1})
    newest, oldest = hospital.everything("/quarantine?limit=1")
    assert (newest["device_id"], oldest["device_id"]) == ("cart-9", "cart-1")
    assert base64.b64decode(oldest["payload_start"]) == b"\x00\xff<script>"
    assert oldest["size_bytes"] == 10
    assert hospital.everything("/quarantine?device_id=cart-1") == [oldest]


def test_an_outage_is_an_alert_of_the_ward_with_its_figures(hospital: Hospital) -> None:
    tags = [f"CUT-{n}" for n in range(5)]
    names = hospital.register(*tags, ward="oncology")
    at = now()
    for name in names:
        hospital.report(name, at)
        hospital.say(name, "state", {"online": False, "session": 1}, at)
    with hospital.app.app_context():
        judge_silence(at + HOLD)
    (alert,) = hospital.everything("/alerts?kind=outage&ward=oncology")
    assert (alert["device_id"], alert["ward"], alert["site"]) == (None, "oncology", "st-mary")
    facts = alert["outage"]
    assert (facts["silent"], facts["fell"], facts["devices"]) == (5, 5, 6)
    where = f"/alerts/{alert['id']}"
    etag = hospital.get(where).headers["ETag"]
    answer = hospital.post(f"{where}/acknowledge", if_match=etag)
    assert (answer.status_code, answer.json["state"]) == (200, "acknowledged")
    assert hospital.everything("/alerts?kind=outage&ward=icu") == []
