"""Devices over the API: found, entered, changed, decommissioned; their history."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from fleet.services.change_device import change_device
from fleet.services.decommission_device import decommission_device
from fleet.services.errors import StaleVersion
from fleet.services.rollups import roll_up
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, Device, OutboxMessage, RollupProgress, Ward
from tests.support.api import Hospital, ago, now, statements


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


def tags(hospital: Hospital, query: str) -> list[str]:
    return [device["asset_tag"] for device in hospital.everything(f"/devices?{query}")]


def revision(hospital: Hospital, ward: str) -> int:
    with hospital.app.app_context():
        return db.session.scalars(db.select(Ward.revision).filter_by(slug=ward)).one()


def audited(hospital: Hospital, action: str) -> AuditEntry:
    with hospital.app.app_context():
        return db.session.scalars(db.select(AuditEntry).filter_by(action=action)).one()


# --- Found ----------------------------------------------------------------------------------


def test_devices_are_found_by_what_they_are_and_where_they_belong(hospital: Hospital) -> None:
    hospital.register("CART-1", "CART-2")
    hospital.register("TAB-1", kind="tablet")
    hospital.register("CART-3", ward="oncology")
    hospital.report("cart-1")
    assert tags(hospital, "") == ["CART-1", "CART-2", "CART-3", "TAB-1"]
    assert tags(hospital, "kind=tablet") == ["TAB-1"]
    assert tags(hospital, "ward=oncology") == ["CART-3"]
    assert tags(hospital, "availability=available") == ["CART-1"]
    assert tags(hospital, "q=cart") == ["CART-1", "CART-2", "CART-3"]
    assert tags(hospital, "q=art") == []
    assert tags(hospital, "q=cart&ward=icu&kind=medication_cart") == ["CART-1", "CART-2"]
    assert tags(hospital, "ward=nowhere") == []


def test_devices_are_found_by_how_they_comply(hospital: Hospital) -> None:
    hospital.load()
    hospital.register("CART-1", "CART-2")
    hospital.assign(scope="device", key="cart-1")
    hospital.report_configuration("cart-1")
    assert tags(hospital, "compliance=compliant") == ["CART-1"]
    assert tags(hospital, "compliance=unknown") == ["CART-2"]


def test_pages_together_hold_each_device_once(hospital: Hospital) -> None:
    expected = [f"CART-{n}" for n in range(10, 17)]
    hospital.register(*expected)
    assert tags(hospital, "limit=3") == expected
    assert tags(hospital, "limit=7") == expected
    first = hospital.get("/devices?limit=3&kind=medication_cart")
    assert first.headers["Link"] == f'<{first.json["next"]}>; rel="next"'
    assert "kind=medication_cart" in first.json["next"]
    last = hospital.get("/devices?limit=7")
    assert last.json["next"] is None
    assert "Link" not in last.headers


def test_a_page_costs_the_same_number_of_statements_however_many_devices_it_shows(
    hospital: Hospital,
) -> None:
    hospital.register(*[f"CART-{n}" for n in range(100, 160)])
    hospital.token("read", "write")
    counts = []
    for limit in (1, 50):
        with statements(hospital.app) as sent:
            assert len(hospital.get(f"/devices?limit={limit}").json["items"]) == limit
        counts.append(len(sent))
    assert counts[0] == counts[1]


# --- One ------------------------------------------------------------------------------------


def test_a_device_shows_what_it_said_last(hospital: Hospital) -> None:
    hospital.register("CART-1")
    hospital.report("cart-1", soc_pct=64)
    shown = hospital.get("/devices/cart-1").json
    assert (shown["soc_pct"], shown["availability"], shown["ward"]) == (64, "available", "icu")
    assert shown["batteries"] == [{"soc_pct": 64, "status": "discharging"}]
    assert shown["sampled_at"].endswith("Z")


def test_a_device_not_heard_of_in_time_is_unknown_everywhere(hospital: Hospital) -> None:
    hospital.register("CART-1")
    heard = ago(minutes=30)
    hospital.report("cart-1", heard)
    assert hospital.get("/devices/cart-1").json["availability"] == "unknown"
    (listed,) = hospital.everything("/devices")
    assert listed["availability"] == "unknown"


def test_a_device_that_is_not_there_is_404(hospital: Hospital) -> None:
    for path in ("", "/readings", "/compliance", "/transitions"):
        answer = hospital.get(f"/devices/cart-9{path}")
        assert answer.status_code == 404
        assert answer.json["detail"] == "no device cart-9"


def test_who_has_the_present_answer_already_is_told_304(hospital: Hospital) -> None:
    hospital.register("CART-1")
    etag = hospital.get("/devices/cart-1").headers["ETag"]
    assert etag.startswith('"1-')
    again = hospital.get("/devices/cart-1", headers={"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    hospital.report("cart-1")
    fresh = hospital.get("/devices/cart-1", headers={"If-None-Match": etag})
    assert fresh.status_code == 200


# --- Entered --------------------------------------------------------------------------------


def test_a_new_device_is_answered_with_its_address(hospital: Hospital) -> None:
    new = {"asset_tag": "CART 17", "kind": "medication_cart", "ward": "icu", "serial": "S-1"}
    answer = hospital.post("/devices", new)
    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/v1/devices/cart-17"
    there = hospital.get(answer.headers["Location"])
    assert there.json == answer.json
    assert there.headers["ETag"] == answer.headers["ETag"]


def test_a_wrong_field_of_a_new_device_is_named(hospital: Hospital) -> None:
    hospital.register("CART-1")
    for changed, field in (
        ({"asset_tag": "CART-1"}, "asset_tag"),
        ({"asset_tag": "-"}, "asset_tag"),
        ({"asset_tag": None}, "asset_tag"),
        ({"asset_tag": 7}, "asset_tag"),
        ({"asset_tag": "A\nB"}, "asset_tag"),
        ({"kind": "lawnmower"}, "kind"),
        ({"ward": "nowhere"}, "ward"),
        ({"ward": "icu\n"}, "ward"),
        ({"device_id": "UPPER"}, "device_id"),
        ({"device_id": "cart-1"}, "device_id"),
        ({"model": "x" * 65}, "model"),
    ):  # fmt: skip
        new = {"asset_tag": "CART-2", "kind": "medication_cart", "ward": "icu", **changed}
        answer = hospital.post("/devices", new)
        assert answer.status_code == 422, (field, answer.text)
        assert field in [error["field"] for error in answer.json["errors"]]


# --- Changed --------------------------------------------------------------------------------


def test_a_device_moves_to_another_ward_and_gets_what_is_assigned_there(
    hospital: Hospital,
) -> None:
    hospital.load()
    hospital.register("CART-1")
    hospital.assign(scope="ward", key="oncology")
    old, new = revision(hospital, "icu"), revision(hospital, "oncology")
    etag = hospital.get("/devices/cart-1").headers["ETag"]
    answer = hospital.patch("/devices/cart-1", {"ward": "oncology"}, if_match=etag)
    assert answer.status_code == 200, answer.text
    assert (answer.json["ward"], answer.json["version"]) == ("oncology", 2)
    assert hospital.desired("cart-1")["profile"] == {"slug": "carts", "version": 1}
    assert revision(hospital, "icu") > old
    assert revision(hospital, "oncology") > new
    entry = audited(hospital, "device.change")
    assert (entry.subject, entry.before["ward"], entry.after["ward"]) == (
        "cart-1", "icu", "oncology"
    )  # fmt: skip


def test_a_renamed_device_is_found_by_its_new_name_alone(hospital: Hospital) -> None:
    hospital.register("CART-1")
    etag = hospital.get("/devices/cart-1").headers["ETag"]
    hospital.patch("/devices/cart-1", {"asset_tag": "TROLLEY 5", "serial": "S9"}, if_match=etag)
    assert tags(hospital, "q=trolley") == ["TROLLEY 5"]
    assert tags(hospital, "q=s9") == ["TROLLEY 5"]
    assert tags(hospital, "q=cart-1") == ["TROLLEY 5"]  # its device id stays
    cleared = hospital.patch("/devices/cart-1", {"serial": None}, if_match="*")
    assert cleared.json["serial"] is None
    assert tags(hospital, "q=s9") == []


def test_an_asset_tag_that_another_device_has_is_refused(hospital: Hospital) -> None:
    hospital.register("CART-1", "CART-2")
    answer = hospital.patch("/devices/cart-2", {"asset_tag": "CART-1"}, if_match="*")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == "asset_tag"


def test_a_change_that_changes_nothing_leaves_no_trace(hospital: Hospital) -> None:
    hospital.register("CART-1")
    before = hospital.get("/devices/cart-1")
    answer = hospital.patch("/devices/cart-1", {"ward": "icu"}, if_match=before.headers["ETag"])
    assert answer.json == before.json


def test_a_change_without_an_etag_is_428(hospital: Hospital) -> None:
    hospital.register("CART-1")
    assert hospital.patch("/devices/cart-1", {"ward": "oncology"}).status_code == 428
    assert hospital.post("/devices/cart-1/decommission").status_code == 428
    assert hospital.get("/devices/cart-1").json["ward"] == "icu"


def test_a_change_of_what_somebody_else_has_changed_is_412(hospital: Hospital) -> None:
    hospital.register("CART-1")
    for stale in ('"0-abc"', 'W/"1-abc"', "nonsense", '"2"', '""'):
        answer = hospital.patch("/devices/cart-1", {"ward": "oncology"}, if_match=stale)
        assert answer.status_code == 412
        assert hospital.get("/devices/cart-1").json["ward"] == "icu"


def test_of_two_who_read_the_same_the_second_is_refused(hospital: Hospital) -> None:
    hospital.register("CART-1")
    etag = hospital.get("/devices/cart-1").headers["ETag"]
    first = hospital.patch("/devices/cart-1", {"model": "A"}, if_match=etag)
    second = hospital.patch("/devices/cart-1", {"model": "B"}, if_match=etag)
    assert (first.status_code, second.status_code) == (200, 412)
    assert hospital.get("/devices/cart-1").json["model"] == "A"


class Overtaken:
    """An expected version: whoever compares it is overtaken at that moment by somebody else."""

    def __eq__(self, _other: object) -> bool:
        with db.engine.begin() as other:
            other.execute(update(Device).values(version=Device.version + 1, model="theirs"))
        return True

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
@pytest.mark.parametrize(
    "change",
    [
        lambda version: change_device("cart-1", {"model": "ours"}, "test", now(), version),
        lambda version: decommission_device("cart-1", "test", now(), version),
    ],
)
def test_of_two_at_the_same_moment_one_is_refused(
    hospital: Hospital, change: Callable[[Any], None]
) -> None:
    hospital.register("CART-1")
    with hospital.app.app_context(), pytest.raises(StaleVersion):
        change(Overtaken())
    shown = hospital.get("/devices/cart-1").json
    assert (shown["model"], shown["lifecycle"]) == ("theirs", "enrolled")


def test_a_report_meanwhile_does_not_refuse_an_edit(hospital: Hospital) -> None:
    hospital.register("CART-1")
    etag = hospital.get("/devices/cart-1").headers["ETag"]
    hospital.report("cart-1")
    answer = hospital.patch("/devices/cart-1", {"model": "A"}, if_match=etag)
    assert answer.status_code == 200


# --- Decommissioned -------------------------------------------------------------------------


def test_a_decommissioned_device_leaves_and_its_history_stays(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.run_low("cart-1")
    assert hospital.everything("/alerts")
    ward = revision(hospital, "icu")
    etag = hospital.get("/devices/cart-1").headers["ETag"]

    answer = hospital.post("/devices/cart-1/decommission", if_match=etag)
    assert answer.status_code == 200, answer.text
    assert (answer.json["lifecycle"], answer.json["version"]) == ("decommissioned", 2)
    assert answer.json["compliance"] == answer.json["availability"] == "unknown"

    assert hospital.everything("/devices") == hospital.everything("/availability") == []
    assert hospital.everything("/compliance") == hospital.everything("/alerts") == []
    assert [a["state"] for a in hospital.everything("/alerts?state=resolved")] == ["resolved"]
    assert len(hospital.everything("/devices/cart-1/readings")) == 2
    newest = hospital.everything("/devices/cart-1/transitions")[0]
    assert (newest["aspect"], newest["new"]) == ("lifecycle", "decommissioned")
    assert revision(hospital, "icu") > ward
    assert audited(hospital, "device.decommission").subject == "cart-1"


def test_the_broker_forgets_what_a_decommissioned_device_should_have(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.post("/devices/cart-1/decommission", if_match="*")
    with hospital.app.app_context():
        left = db.session.scalars(db.select(OutboxMessage)).all()
        assert {message.topic.rpartition("/")[2] for message in left} == {"desired", "job", "trust"}
        assert {(message.payload, message.retain) for message in left} == {(b"", True)}


def test_what_a_decommissioned_device_still_says_is_quarantined(hospital: Hospital) -> None:
    hospital.register("CART-1")
    hospital.post("/devices/cart-1/decommission", if_match="*")
    hospital.report("cart-1")
    (message,) = hospital.everything("/quarantine?device_id=cart-1")
    assert message["reason"] == "device is decommissioned"
    assert hospital.everything("/devices/cart-1/readings") == []


def test_a_decommissioned_device_is_not_changed_any_more(hospital: Hospital) -> None:
    hospital.register("CART-1")
    hospital.post("/devices/cart-1/decommission", if_match="*")
    assert hospital.post("/devices/cart-1/decommission", if_match="*").status_code == 409
    answer = hospital.patch("/devices/cart-1", {"ward": "oncology"}, if_match="*")
    assert answer.status_code == 409


# --- Their history --------------------------------------------------------------------------


def test_readings_come_newest_first_in_pages_that_hold_each_once(hospital: Hospital) -> None:
    hospital.register("CART-1", "CART-2")
    start = ago(hours=1)
    for minute in range(7):
        hospital.report("cart-1", start + timedelta(minutes=minute), soc_pct=90 - minute)
    hospital.report("cart-2", start)
    for limit in (2, 3, 7, 8):
        found = hospital.everything(f"/devices/cart-1/readings?limit={limit}")
        assert [r["batteries"][0]["soc_pct"] for r in found] == list(range(84, 91))


def test_readings_of_one_moment_are_not_lost_between_pages(hospital: Hospital) -> None:
    hospital.register("CART-1")
    moment = ago(hours=1)
    for _ in range(5):
        hospital.report("cart-1", moment)
    found = hospital.everything("/devices/cart-1/readings?limit=2")
    assert [r["seq"] for r in found] == [5, 4, 3, 2, 1]


def test_readings_are_found_by_time_with_the_first_moment_and_without_the_last(
    hospital: Hospital,
) -> None:
    hospital.register("CART-1")
    start = ago(hours=2).replace(microsecond=0)
    for minute in range(5):
        hospital.report("cart-1", start + timedelta(minutes=minute), soc_pct=minute)
    since = (start + timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
    until = (start + timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    found = hospital.everything(f"/devices/cart-1/readings?since={since}&until={until}&limit=1")
    assert [r["batteries"][0]["soc_pct"] for r in found] == [2, 1]


def test_the_batteries_of_one_reading_stand_together(hospital: Hospital) -> None:
    hospital.register("CART-1")
    batteries = [{"slot": slot, "soc_pct": 50 + slot, "serial": f"B{slot}"} for slot in (0, 1)]
    reading = {"seq": 1, "ts": now().isoformat(), "batteries": batteries,
               "location": {"zone": "bay-1"}, "system": {"wifi_rssi_dbm": -60}}  # fmt: skip
    bare = {"seq": 2, "ts": now().isoformat()}
    hospital.say("cart-1", "telemetry", {"v": 1, "boot": 1, "readings": [reading, bare]})
    newest, oldest = hospital.everything("/devices/cart-1/readings?limit=1")
    assert newest["batteries"] == []
    assert [(b["slot"], b["soc_pct"], b["serial"]) for b in oldest["batteries"]] == [
        (0, 50, "B0"), (1, 51, "B1")
    ]  # fmt: skip
    assert (oldest["zone"], oldest["wifi_rssi_dbm"]) == ("bay-1", -60)


def test_a_page_of_readings_is_two_statements_beside_the_tokens_own(hospital: Hospital) -> None:
    hospital.register("CART-1")
    for minute in range(20):
        hospital.report("cart-1", ago(minutes=minute))
    hospital.token("read", "write")
    for limit in (1, 20):
        with statements(hospital.app) as sent:
            hospital.get(f"/devices/cart-1/readings?limit={limit}")
        assert len([s for s in sent if s.lstrip().startswith("SELECT")]) == 3


def test_the_charge_over_time_comes_in_buckets_that_fit_the_span(hospital: Hospital) -> None:
    hospital.register("CART-1")
    start = ago(hours=5).replace(minute=2, second=0, microsecond=0)
    for minute, soc in ((0, 80), (1, 70), (70, 20)):
        hospital.report("cart-1", start + timedelta(minutes=minute), soc_pct=soc)

    def asked(days: int) -> tuple[int, list[tuple[float, int, int]]]:
        since = (start - timedelta(days=days)).isoformat().replace("+00:00", "Z")
        body = hospital.get(f"/devices/cart-1/charge?since={since}").json
        items = [(item["mean_pct"], item["low_pct"], item["high_pct"]) for item in body["items"]]
        return body["bucket_s"], items

    with hospital.app.app_context(), transaction() as session:
        hour = start.replace(minute=0) - timedelta(days=2)
        session.execute(update(RollupProgress).values(open_hour=hour, swept_to=None))
    for _ in ("from the readings", "from the rollups"):
        assert asked(0) == (300, [(75.0, 70, 80), (20.0, 20, 20)])
        assert asked(30) == (3_600, [(75.0, 70, 80), (20.0, 20, 20)])
        bucket_s, days = asked(300)
        assert (bucket_s, min(low for _, low, _ in days)) == (86_400, 20)
        with hospital.app.app_context():
            roll_up(now())
    assert hospital.get("/devices/cart-1/charge").json["bucket_s"] == 300
    assert hospital.get("/devices/cart-2/charge").status_code == 404


def test_transitions_come_newest_first_in_pages(hospital: Hospital) -> None:
    hospital.register("CART-1")
    for minute, soc in enumerate((90, 8, 8, 90, 8, 8)):
        hospital.report("cart-1", ago(minutes=30 - 5 * minute), soc_pct=soc)
    found = hospital.everything("/devices/cart-1/transitions?limit=1")
    assert found == hospital.get("/devices/cart-1/transitions").json["items"]
    words = [t["new"] for t in found if t["aspect"] == "availability"]
    assert words == ["low", "available", "low", "available"]
