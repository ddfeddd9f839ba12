"""Devices over the API: changed, by one or by two at once, and decommissioned."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from fleet.services.change_device import change_device
from fleet.services.decommission_device import decommission_device
from fleet.services.errors import StaleVersion
from fleet.store.database import db
from fleet.store.models import AuditEntry, Device, OutboxMessage, Ward
from tests.support.api import Hospital, now


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
