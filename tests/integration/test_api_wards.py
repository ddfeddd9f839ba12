"""What everybody may know over the API: availability and wards. And sites and wards entered."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from fleet.domain.presence import offline_deadline
from tests.support.api import API, Hospital, ago, now, statements


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


def open_get(hospital: Hospital, path: str) -> Any:
    """As somebody without any token."""
    answer = hospital.app.test_client().get(API + path)
    assert answer.status_code == 200, answer.text
    hospital.contract.check("GET", answer)
    return answer.json


# --- Availability ---------------------------------------------------------------------------


def test_everybody_may_see_each_carts_availability_charge_and_age(hospital: Hospital) -> None:
    hospital.register("CART-1", "CART-2")
    hospital.report("cart-1", ago(seconds=20), soc_pct=64)
    heard, unheard = open_get(hospital, "/availability")["items"]
    assert heard.keys() == unheard.keys()
    assert (heard["asset_tag"], heard["ward"], heard["soc_pct"]) == ("CART-1", "icu", 64)
    assert heard["availability"] == "available"
    assert 20 <= heard["age_s"] <= 25
    shift_end = unheard["runtime"].pop("shift_end")
    assert shift_end == heard["runtime"]["shift_end"] is not None
    assert set(unheard.pop("runtime").values()) == {None}
    assert unheard == {
        "asset_tag": "CART-2", "ward": "icu", "availability": "unknown", "soc_pct": None,
        "sampled_at": None, "age_s": None,
    }  # fmt: skip


def test_past_its_deadline_a_cart_is_unknown_although_no_job_has_run(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.register("CART-1")
    heard = now()
    hospital.report("cart-1", heard)
    deadline = offline_deadline(heard, 30)
    for moment, word in ((deadline - timedelta(seconds=1), "available"), (deadline, "unknown")):
        monkeypatch.setattr("fleet.api.clock.now", lambda moment=moment: moment)
        (shown,) = open_get(hospital, "/availability")["items"]
        assert shown["availability"] == word
        counts = open_get(hospital, "/wards/icu")["counts"]
        assert counts[word] == 1


def test_availability_shows_carts_unless_another_kind_is_asked_for(hospital: Hospital) -> None:
    hospital.register("CART-1")
    hospital.register("TAB-1", kind="tablet")
    hospital.register("CART-2", ward="oncology")
    for query, expected in (
        ("", ["CART-1", "CART-2"]),
        ("?kind=tablet", ["TAB-1"]),
        ("?ward=oncology", ["CART-2"]),
        ("?ward=oncology&kind=tablet", []),
    ):
        shown = open_get(hospital, f"/availability{query}")["items"]
        assert [cart["asset_tag"] for cart in shown] == expected


def test_availability_comes_in_pages_that_hold_each_cart_once(hospital: Hospital) -> None:
    expected = [f"CART-{n}" for n in range(10, 15)]
    hospital.register(*expected)
    for limit in (1, 2, 5):
        found = hospital.everything(f"/availability?limit={limit}")
        assert [cart["asset_tag"] for cart in found] == expected


def test_a_page_of_availability_is_one_statement(hospital: Hospital) -> None:
    hospital.register(*[f"CART-{n}" for n in range(10, 40)])
    with statements(hospital.app) as sent:
        open_get(hospital, "/availability")
    assert len([s for s in sent if s.lstrip().startswith("SELECT")]) == 1


# --- Wards and sites ------------------------------------------------------------------------


def test_a_ward_counts_its_own_devices_of_one_kind(hospital: Hospital) -> None:
    hospital.register("CART-1", "CART-2")
    hospital.register("TAB-1", kind="tablet")
    hospital.report("cart-1")
    nothing = dict.fromkeys(("available", "in_use", "charging", "low", "unavailable", "unknown"), 0)
    icu, oncology = open_get(hospital, "/wards")["items"]
    assert icu == {
        "slug": "icu", "name": "Intensive Care", "site": "st-mary", "shift_starts": None,
        "counts": {**nothing, "available": 1, "unknown": 1},
    }  # fmt: skip
    assert oncology["counts"] == nothing
    assert open_get(hospital, "/wards/icu?kind=tablet")["counts"] == {**nothing, "unknown": 1}


def test_wards_come_in_pages_and_by_site(hospital: Hospital) -> None:
    hospital.post("/sites", {"slug": "north", "name": "North"})
    hospital.post("/sites/north/wards", {"slug": "surgery", "name": "Surgery"})
    found = hospital.everything("/wards?limit=1")
    assert [ward["slug"] for ward in found] == ["icu", "oncology", "surgery"]
    assert [w["slug"] for w in hospital.everything("/wards?site=north")] == ["surgery"]
    assert [s["slug"] for s in hospital.everything("/sites?limit=1")] == ["north", "st-mary"]


def test_a_page_of_wards_is_two_statements(hospital: Hospital) -> None:
    with statements(hospital.app) as sent:
        open_get(hospital, "/wards")
    assert len([s for s in sent if s.lstrip().startswith("SELECT")]) == 2


def test_a_new_site_and_a_new_ward_are_answered_with_their_addresses(hospital: Hospital) -> None:
    site = hospital.post("/sites", {"slug": "north", "name": "North", "timezone": "Asia/Kolkata"})
    assert site.status_code == 201
    assert hospital.get(site.headers["Location"]).json == {
        "slug": "north", "name": "North", "timezone": "Asia/Kolkata",
        "shift_starts": ["07:00", "15:00", "23:00"],
    }  # fmt: skip
    zones = [{"code": "s-1", "name": "bay 1"}]
    ward = hospital.post("/sites/north/wards", {"slug": "s", "name": "S", "zones": zones})
    assert ward.status_code == 201
    assert hospital.get(ward.headers["Location"]).json["site"] == "north"


def test_what_is_there_already_is_409(hospital: Hospital) -> None:
    assert hospital.post("/sites", {"slug": "st-mary", "name": "Other"}).status_code == 409
    answer = hospital.post("/sites/st-mary/wards", {"slug": "icu", "name": "Other"})
    assert answer.status_code == 409
    assert hospital.get("/sites/st-mary").json["name"] == "St Mary's"


def test_a_ward_of_a_site_that_is_not_there_is_404(hospital: Hospital) -> None:
    assert hospital.post("/sites/nowhere/wards", {"slug": "x", "name": "X"}).status_code == 404


def test_a_time_zone_that_is_none_is_refused_by_name(hospital: Hospital) -> None:
    for timezone in ("Mars/Olympus", "Europe", "../etc/passwd", "/etc", "x" * 64):
        answer = hospital.post("/sites", {"slug": "north", "name": "North", "timezone": timezone})
        assert answer.status_code == 422, (timezone, answer.text)
        assert [e["field"] for e in answer.json["errors"]] == ["timezone"]
