"""Devices over the API: found, shown, entered."""

import pytest
from flask import Flask

from tests.support.api import Hospital, ago, statements


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


def tags(hospital: Hospital, query: str) -> list[str]:
    return [device["asset_tag"] for device in hospital.everything(f"/devices?{query}")]


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
