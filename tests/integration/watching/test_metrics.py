"""`/metrics`: what Prometheus reads, who may, and what never stands in it."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from fleet.metrics import REGISTRY, snapshot
from fleet.store.database import db
from fleet.store.queries.totals import COUNTED_EVERY, Counted
from tests.support.api import Hospital, now, statements
from tests.support.databases import PostgresTemplate
from tests.support.processes import ROOT
from tests.support.releases import Workshop
from tests.support.signs import all_well, sign
from tests.support.which_database import on_both, on_postgresql


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


@pytest.fixture
def scraper(hospital: Hospital) -> dict[str, str]:
    return {"Authorization": f"Bearer {hospital.token('metrics')}"}


def scrape(app: Flask, scraper: dict[str, str]) -> dict[str, Metric]:
    answer = app.test_client().get("/metrics", headers=scraper)
    assert (answer.status_code, answer.mimetype) == (200, "text/plain"), answer.text
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float | None:
    found = [s.value for f in families.values() for s in f.samples
             if s.name == name and labels.items() <= s.labels.items()]  # fmt: skip
    assert len(found) <= 1, found
    return found[0] if found else None


# --- Who may --------------------------------------------------------------------------------


def test_only_a_token_for_it_or_somebody_signed_in_may_read_it(
    hospital: Hospital, scraper: dict[str, str], client: FlaskClient
) -> None:
    assert client.get("/metrics", headers=scraper).status_code == 200
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer wf_wrong"}, 401),
        ({"Authorization": f"Bearer {hospital.token('read', 'write')}"}, 403),
    ):
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == status
        assert answer.mimetype == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert "wardfleet_" not in answer.text


def test_a_token_for_metrics_opens_nothing_else(hospital: Hospital) -> None:
    for path in ("/devices", "/alerts", "/quarantine"):
        assert hospital.get(path, token=hospital.token("metrics")).status_code == 403


# --- What stands in it ----------------------------------------------------------------------


@on_both
def test_every_living_process_on_every_machine_has_its_own_numbers(
    app: Flask, scraper: dict[str, str]
) -> None:
    counted = [
        {
            "name": "wardfleet_ingest_messages",
            "help": "Messages.",
            "type": "counter",
            "samples": [["wardfleet_ingest_messages_total", {}, 1200.0]],
        }
    ]
    with app.app_context():
        sign("ingest", now(), "ingest-a", metrics=counted, broker_connected=True)
        sign("ingest", now(), "ingest-b", metrics=counted, broker_connected=False)
        sign("ingest", now() - timedelta(minutes=5), "ingest-dead", metrics=counted)
    found = scrape(app, scraper)
    name = "wardfleet_ingest_messages_total"
    assert value(found, name, process="ingest", worker="ingest-a") == 1200
    assert value(found, name, worker="ingest-dead") is None
    assert value(found, "wardfleet_broker_connected", worker="ingest-a") == 1
    assert value(found, "wardfleet_broker_connected", worker="ingest-b") == 0
    assert value(found, "wardfleet_build_info", worker="ingest-a", version="0.1.0") == 1
    assert value(found, "wardfleet_database_up") == 1


@on_both
def test_the_fleet_is_there_in_numbers_and_a_zero_is_a_number_too(
    app: Flask, hospital: Hospital, scraper: dict[str, str]
) -> None:
    first, second = hospital.register("CART-1", "CART-2", "CART-3")[:2]
    for device_id in (first, second):
        hospital.say(device_id, "birth", {"v": 1, "boot": 1, "session": 1})
    hospital.report(first, soc_pct=90)
    hospital.run_low(second)
    hospital.say("stranger-1", "telemetry", b"no")
    found = scrape(app, scraper)

    def devices(availability: str, kind: str = "medication_cart") -> float | None:
        return value(found, "wardfleet_devices", kind=kind, availability=availability)

    assert [devices(word) for word in ("available", "low", "unknown", "in_use")] == [1, 1, 1, 0]
    assert devices("available", "tablet") == 0
    assert value(found, "wardfleet_alerts_open", kind="needs_charging") == 1
    assert value(found, "wardfleet_alerts_open", kind="offline") == 0
    assert value(found, "wardfleet_quarantined_messages") == 1
    assert value(found, "wardfleet_outbox_messages") == 0
    age = value(found, "wardfleet_newest_reading_age_seconds")
    assert age is not None
    assert 0 <= age < 30


def test_devices_are_counted_once_a_minute_whoever_asks_how_often(
    app: Flask, scraper: dict[str, str]
) -> None:
    scrape(app, scraper)
    with statements(app) as sent:
        scrape(app, scraper)
    assert len(sent) <= 5
    assert not [statement for statement in sent if "device_state" in statement]


def test_after_a_minute_they_are_counted_anew(app: Flask, hospital: Hospital) -> None:
    counted, at = Counted(), datetime.now(UTC)
    unknown = ("medication_cart", "unknown")
    with app.app_context():
        assert counted.totals(at).devices[unknown] == 0
        hospital.register("CART-1")
        db.session.rollback()
        assert counted.totals(at + COUNTED_EVERY / 2).devices[unknown] == 0
        assert counted.totals(at + COUNTED_EVERY).devices[unknown] == 1
        hospital.register("CART-2")
        db.session.rollback()
        an_hour_back = at - timedelta(hours=1)  # somebody set the clock
        assert counted.totals(an_hour_back).devices[unknown] == 2


def test_no_label_ever_names_a_device_a_ward_or_an_address(
    app: Flask, hospital: Hospital, scraper: dict[str, str]
) -> None:
    """What grows with the hospital, or with what a stranger makes up, must not make series."""
    [device_id] = hospital.register("CART-1")
    hospital.run_low(device_id)
    hospital.say("stranger-1", "telemetry", b"\x00")
    client = app.test_client()
    for path in ("/wards/icu", f"/it/devices/{device_id}", f"/made-up/{device_id}", "/setup/abc"):
        client.get(path, query_string={"q": "oncology"})
    client.open("/", method="STRANGER")
    hospital.get(f"/devices/{device_id}")
    with app.app_context():
        all_well(now())
        sign("web", now(), "web-a", metrics=snapshot())
    found = scrape(app, scraper)
    labels: dict[str, set[str]] = {}
    for family in found.values():
        for sample in family.samples:
            for name, word in sample.labels.items():
                labels.setdefault(name, set()).add(word)
    assert {"route", "reason", "kind"} <= labels.keys()
    assert labels.keys() <= {
        "process", "worker", "version", "kind", "availability", "reason",
        "method", "route", "status", "le", "name", "outcome",
    }  # fmt: skip
    words = {word.lower() for found in labels.values() for word in found}
    for never in (device_id, "cart-1", "stranger", "icu", "oncology", "made-up", "abc"):
        assert not [word for word in words if never in word], never
    assert {"(none)", "/wards/<slug>"} <= labels["route"]
    assert "(other)" in labels["method"]


def test_the_manual_has_every_number_and_no_other(
    app: Flask, hospital: Hospital, scraper: dict[str, str], tmp_path: Path
) -> None:
    from fleet.dispatch import acks, speak, webhooks  # noqa: F401  (each room brings its own)
    from fleet.jobs import metrics as jobs  # noqa: F401

    hospital.load()
    hospital.assign()
    Workshop(app, tmp_path)
    [device_id] = hospital.register("CART-1")  # a message waits for it
    hospital.report(device_id)
    with app.app_context():
        all_well(now())
    shown = set(scrape(app, scraper)) | {family.name for family in REGISTRY.collect()}
    manual = (ROOT / "docs" / "monitoring.md").read_text()
    told = {name.removesuffix("_total") for name in re.findall(r"wardfleet_[a-z_]+", manual)}
    assert {name for name in shown if name.startswith("wardfleet_")} == told


# --- Without a database ---------------------------------------------------------------------


@on_postgresql
def test_a_lost_database_shows_in_the_numbers(
    app: Flask, hospital: Hospital, scraper: dict[str, str], postgres_template: PostgresTemplate
) -> None:
    scrape(app, scraper)
    with app.app_context():
        name = str(db.engine.url.database)
        db.engine.dispose()
    postgres_template.server.drop(name)
    try:
        lost: dict[str, Any] = scrape(app, scraper)
    finally:
        postgres_template.server.create(name, postgres_template.name)
    assert {n: f.samples[0].value for n, f in lost.items()} == {"wardfleet_database_up": 0}
    hospital._tokens.clear()
    token = {"Authorization": f"Bearer {hospital.token('metrics')}"}
    assert value(scrape(app, token), "wardfleet_database_up") == 1
