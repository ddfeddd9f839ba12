"""Rollouts over REST: every answer is held against the OpenAPI document."""

import pytest
from flask import Flask

from fleet.services.api_tokens import create_api_token
from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.store.database import db
from fleet.store.models import DeviceState
from tests.support.api import Hospital, now

NEW = {
    "slug": "carts", "version": "2", "scope": "site", "scope_key": "st-mary",
    "plan": {"canaries": 1, "soak_min": 0, "shares": [100]},
}  # fmt: skip


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    """Three carts at rest with version 1; version 2 is there."""
    made = Hospital(app)
    made.register("C-1", "C-2", "C-3")
    made.load()
    made.assign()
    made.load(settings={"screen_timeout_s": 60, "bluetooth": False})
    with app.app_context():
        for state in db.session.scalars(db.select(DeviceState)):
            state.online, state.plugged_in, state.soc_pct = True, True, 80
            state.availability = "available"
        db.session.commit()
    return made


@pytest.fixture
def bob(hospital: Hospital) -> str:
    """Somebody else's token."""
    with hospital.app.app_context():
        return create_api_token("bob", ("read", "write"), None, "user:bob", now())


def turn(hospital: Hospital) -> None:
    with hospital.app.app_context():
        plan_rollouts(now())


def test_a_rollout_is_proposed_approved_by_another_and_seen_to_go_on(
    hospital: Hospital, bob: str
) -> None:
    made = hospital.post("/rollouts", NEW)
    assert made.status_code == 201, made.text
    path, etag = made.headers["Location"], made.headers["ETag"]
    refused = hospital.post(f"{path}/approve", if_match=etag)
    assert refused.status_code == 409
    assert "cannot approve" in refused.get_json()["detail"]
    approved = hospital.post(f"{path}/approve", if_match=etag, token=bob)
    assert approved.status_code == 200, approved.text
    assert approved.get_json()["devices"] == 3
    assert hospital.post(f"{path}/pause", if_match=etag).status_code == 412
    turn(hospital)
    body = hospital.get(path).get_json()
    assert (body["at_work"], body["queued"], body["rings"][0]["at_work"]) == (1, 2, 1)
    assert body["wards"][0]["devices"] == 3
    jobs = hospital.everything(f"{path}/devices?limit=2")
    assert [job["state"] for job in jobs] == ["offered", "queued", "queued"]
    assert {job["reason"] for job in jobs} == {None, "its ring has not begun"}
    paused = hospital.post(f"{path}/pause", if_match=hospital.get(path).headers["ETag"])
    assert paused.get_json()["state"] == "paused"
    back = hospital.post(f"{path}/roll-back", if_match=paused.headers["ETag"])
    assert back.status_code == 201
    assert back.get_json()["reverts"] == body["id"]
    listed = hospital.get("/rollouts?state=rolled_back").get_json()["items"]
    assert [each["id"] for each in listed] == [body["id"]]


def test_what_is_wrong_with_a_rollout_is_named(hospital: Hospital) -> None:
    wrong = hospital.post("/rollouts", {**NEW, "plan": {"canaries": 0}})
    assert wrong.status_code == 422
    assert "canaries" in wrong.text
    assert hospital.post("/rollouts", {**NEW, "version": "9"}).status_code == 422
    assert hospital.post("/rollouts", {**NEW, "target": "firmware"}).status_code == 422
    assert hospital.post("/rollouts", {**NEW, "speed": 9}).status_code == 422
    assert hospital.get("/rollouts/9").status_code == 404
    assert hospital.post("/rollouts/9/pause", if_match="*").status_code == 404


def test_the_blackout_is_switched_on_and_off(hospital: Hospital) -> None:
    assert hospital.get("/blackout").get_json()["reason"] is None
    assert hospital.put("/blackout", {"reason": "mass casualty"}).status_code == 200
    assert hospital.get("/blackout").get_json()["reason"] == "mass casualty"
    assert hospital.put("/blackout", {"reason": "again"}).status_code == 409
    assert hospital.delete("/blackout").status_code == 204
    assert hospital.delete("/blackout").status_code == 409


def test_a_ward_says_when_it_can_spare_its_carts(hospital: Hospital) -> None:
    body = {"maintenance_windows": ["mon-fri 22:00-05:00"], "min_available": 2}
    assert hospital.put("/wards/icu/care", body).get_json() == body
    wrong = hospital.put("/wards/icu/care", {**body, "maintenance_windows": ["at night"]})
    assert wrong.status_code == 422
    assert "22:00-05:00" in wrong.text
    assert hospital.put("/wards/nowhere/care", body).status_code == 404
