"""What devices have measured and gone through, over the API."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from fleet.services.rollups import roll_up
from fleet.store.database import transaction
from fleet.store.models import RollupProgress
from tests.support.api import Hospital, ago, now, statements


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


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
