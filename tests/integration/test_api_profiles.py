"""Profiles and assignments over the API, and what they do to devices' compliance."""

import pytest
from flask import Flask
from sqlalchemy import update

from fleet.domain.compliance import REPORT_MAX_AGE
from fleet.services.profile_files import read_profiles
from fleet.store.database import db, transaction
from fleet.store.models import AuditEntry, Configuration
from tests.support.api import DOCUMENT, Hospital, ago, statements
from tests.support.processes import ROOT


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    return Hospital(app)


ASSIGNMENT = {"profile": "carts", "number": 1, "scope": "ward", "scope_key": "icu"}


def actions(hospital: Hospital) -> list[str]:
    with hospital.app.app_context():
        return list(db.session.scalars(db.select(AuditEntry.action).order_by(AuditEntry.id)))


# --- Profiles -------------------------------------------------------------------------------


def test_a_document_becomes_a_version_once(hospital: Hospital) -> None:
    first = hospital.post("/profiles", DOCUMENT)
    assert (first.status_code, first.json) == (
        201,
        {"profile": "carts", "number": 1, "is_new": True},
    )
    again = hospital.post("/profiles", DOCUMENT)
    assert (again.status_code, again.json["number"], again.json["is_new"]) == (200, 1, False)
    changed = hospital.post("/profiles", {**DOCUMENT, "title": "Carts of today"})
    assert (changed.status_code, changed.json["number"]) == (201, 2)
    assert [v["number"] for v in hospital.everything("/profiles/carts/versions")] == [2, 1]
    assert hospital.get("/profiles/carts").json == {
        "slug": "carts", "title": "Carts of today", "kinds": ["medication_cart"], "latest": 2
    }  # fmt: skip
    assert hospital.everything("/profiles") == [hospital.get("/profiles/carts").json]
    assert actions(hospital).count("profile.load") == 2


def test_a_versions_document_is_the_one_that_was_loaded(hospital: Hospital) -> None:
    loaded = hospital.post("/profiles", DOCUMENT)
    there = hospital.get(loaded.headers["Location"])
    assert there.json == DOCUMENT
    etag = there.headers["ETag"]
    again = hospital.get(loaded.headers["Location"], headers={"If-None-Match": etag})
    assert again.status_code == 304


def test_the_standard_profiles_can_be_loaded(hospital: Hospital) -> None:
    documents = read_profiles([ROOT / "firmware_profiles"])
    assert documents
    for document in documents:
        assert hospital.post("/profiles", document).status_code == 201
    assert len(hospital.everything("/profiles")) == len(documents)


def test_a_wrong_key_of_a_document_is_named_with_its_path(hospital: Hospital) -> None:
    for changed, field in (
        ({"settings": {"UPPER": 1}}, "settings.UPPER"),
        ({"settings": {"a": [1]}}, "settings.a"),
        ({"kinds": ["lawnmower"]}, "kinds.0"),
        ({"kinds": []}, "kinds"),
        ({"apps": {"required": [{"name": "emar", "version": 7.2}]}}, "apps.required.0.version"),
        ({"reporting": {}}, "reporting.interval_s"),
        ({"reporting": {"interval_s": 4}}, "reporting.interval_s"),
        ({"battery": {"NMC": {"needs_charging_below_pct": 0}}},
         "battery.NMC.needs_charging_below_pct"),
        ({"surprise": 1}, "surprise"),
        ({"profile": "No Slug"}, "profile"),
    ):  # fmt: skip
        answer = hospital.post("/profiles", {**DOCUMENT, **changed})
        assert answer.status_code == 422, (field, answer.text)
        assert [(e["field"], e["in"]) for e in answer.json["errors"]] == [(field, "body")]
        assert hospital.everything("/profiles") == []


def test_a_diff_names_what_was_added_removed_and_changed(hospital: Hospital) -> None:
    hospital.load()
    hospital.load(
        settings={"screen_timeout_s": 90, "bluetooth": 0},
        apps={"required": [{"name": "scan", "version": "1"}, {"name": "emar", "version": "7.2"}]},
    )
    found = hospital.everything("/profiles/carts/diff?from=1&to=2")
    assert found == [
        {"path": "apps.required.scan.version", "change": "added", "old": None, "new": "1"},
        {"path": "settings.bluetooth", "change": "changed", "old": False, "new": 0},
        {"path": "settings.screen_timeout_s", "change": "changed", "old": 120, "new": 90},
    ]
    back = hospital.everything("/profiles/carts/diff?from=2&to=1")
    assert back[0] == {
        "path": "apps.required.scan.version", "change": "removed", "old": "1", "new": None
    }  # fmt: skip
    assert hospital.everything("/profiles/carts/diff?from=1&to=1") == []


def test_a_diff_with_a_version_that_is_not_there_names_it(hospital: Hospital) -> None:
    hospital.load()
    answer = hospital.get("/profiles/carts/diff?from=1&to=9")
    assert answer.status_code == 422
    assert [(e["field"], e["in"]) for e in answer.json["errors"]] == [("to", "query")]


def test_a_profile_or_version_that_is_not_there_is_404(hospital: Hospital) -> None:
    hospital.load()
    for path in ("/profiles/x1", "/profiles/x1/versions", "/profiles/x1/diff?from=1&to=1",
                 "/profiles/carts/versions/9", "/profiles/x1/versions/1"):  # fmt: skip
        assert hospital.get(path).status_code == 404, path


# --- Assignments ----------------------------------------------------------------------------


def test_an_assignment_reaches_every_device_in_its_scope(hospital: Hospital) -> None:
    hospital.load()
    hospital.register("CART-1")
    hospital.register("CART-2", ward="oncology")
    made = hospital.post("/assignments", ASSIGNMENT)
    assert made.status_code == 201, made.text
    assert hospital.get(made.headers["Location"]).json == made.json
    assert hospital.desired("cart-1")["profile"] == {"slug": "carts", "version": 1}
    assert hospital.desired("cart-2") == {}
    assert made.json["assigned_by"].startswith("token/")


def test_an_assignment_moves_to_another_version(hospital: Hospital) -> None:
    hospital.load()
    hospital.load(settings={})
    hospital.register("CART-1")
    made = hospital.post("/assignments", ASSIGNMENT)
    moved = hospital.patch(made.headers["Location"], {"number": 2}, if_match=made.headers["ETag"])
    assert (moved.status_code, moved.json["number"], moved.json["version"]) == (200, 2, 2)
    assert hospital.desired("cart-1")["profile"]["version"] == 2


def test_an_assignment_taken_away_leaves_devices_without(hospital: Hospital) -> None:
    hospital.load()
    hospital.register("CART-1")
    made = hospital.post("/assignments", ASSIGNMENT)
    gone = hospital.delete(made.headers["Location"], if_match=made.headers["ETag"])
    assert (gone.status_code, gone.data) == (204, b"")
    assert hospital.get(made.headers["Location"]).status_code == 404
    assert hospital.desired("cart-1") == {}
    assert actions(hospital)[-1] == "profile.unassign"


def test_a_stale_or_careless_change_of_an_assignment_is_refused(hospital: Hospital) -> None:
    hospital.load()
    hospital.load(settings={})
    made = hospital.post("/assignments", ASSIGNMENT)
    where, etag = made.headers["Location"], made.headers["ETag"]
    assert hospital.patch(where, {"number": 2}).status_code == 428
    assert hospital.delete(where).status_code == 428
    assert hospital.patch(where, {"number": 2}, if_match=etag).status_code == 200
    assert hospital.patch(where, {"number": 1}, if_match=etag).status_code == 412
    assert hospital.delete(where, if_match=etag).status_code == 412
    assert hospital.get(where).json["number"] == 2


def test_what_is_assigned_already_is_409(hospital: Hospital) -> None:
    hospital.load()
    hospital.load(settings={})
    assert hospital.post("/assignments", ASSIGNMENT).status_code == 201
    assert hospital.post("/assignments", {**ASSIGNMENT, "number": 2}).status_code == 409
    assert hospital.everything("/assignments")[0]["number"] == 1
    hospital.load(profile="rivals")
    rival = hospital.post("/assignments", {**ASSIGNMENT, "profile": "rivals"})
    assert rival.status_code == 409


def test_a_wrong_field_of_an_assignment_is_named(hospital: Hospital) -> None:
    hospital.load()
    for changed, field in (
        ({"number": 9}, "number"),
        ({"number": "1"}, "number"),
        ({"number": 0}, "number"),
        ({"number": 2**31}, "number"),
        ({"profile": "nothing"}, "number"),
        ({"scope": "galaxy"}, "scope"),
        ({"scope_key": "nowhere"}, "scope_key"),
        ({"scope": "kind", "scope_key": "tablet"}, "scope_key"),
    ):  # fmt: skip
        answer = hospital.post("/assignments", {**ASSIGNMENT, **changed})
        assert answer.status_code == 422, (field, answer.text)
        assert [e["field"] for e in answer.json["errors"]] == [field]


def test_assignments_are_found_by_profile_and_scope_in_pages(hospital: Hospital) -> None:
    hospital.load()
    hospital.load(profile="tablets", kinds=["tablet"])
    hospital.post("/assignments", ASSIGNMENT)
    hospital.post("/assignments", {**ASSIGNMENT, "scope_key": "oncology"})
    hospital.post("/assignments", {**ASSIGNMENT, "profile": "tablets", "scope": "site",
                                   "scope_key": "st-mary"})  # fmt: skip
    keys = [a["scope_key"] for a in hospital.everything("/assignments?limit=1")]
    assert keys == ["icu", "oncology", "st-mary"]
    assert len(hospital.everything("/assignments?profile=carts")) == 2
    assert len(hospital.everything("/assignments?scope=site")) == 1


# --- Compliance -----------------------------------------------------------------------------


def test_a_device_is_judged_item_by_item(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.report_configuration("cart-1", screen_timeout_s=600)
    shown = hospital.get("/devices/cart-1/compliance").json
    assert (shown["state"], shown["reason"]) == ("noncompliant", "settings.screen_timeout_s")
    states = {item["path"]: item["state"] for item in shown["items"]}
    assert states == {
        "settings.bluetooth": "compliant",
        "settings.screen_timeout_s": "noncompliant",
        "reporting_interval_s": "compliant",
        "apps.emar": "compliant",
    }
    (wrong,) = [i for i in shown["items"] if i["state"] != "compliant"]
    assert (wrong["desired"], wrong["reported"]) == (120, 600)


def test_by_a_report_that_is_too_old_no_item_is_green(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.report_configuration("cart-1", ago(hours=2))
    shown = hospital.get("/devices/cart-1/compliance").json
    assert shown["state"] == "unknown"
    assert {item["state"] for item in shown["items"]} == {"unknown"}


def test_of_a_device_that_never_reported_no_item_is_judged(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1", "CART-2")
    hospital.register("TAB-1", kind="tablet")
    shown = hospital.get("/devices/cart-1/compliance").json
    assert shown["state"] == "pending"
    assert {item["state"] for item in shown["items"]} == {"unknown"}
    without = hospital.get("/devices/tab-1/compliance").json
    assert (without["state"], without["profile"], without["items"]) == ("unknown", None, [])


def test_compliance_is_listed_and_summed(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1", "CART-2", "CART-3")
    hospital.register("TAB-1", kind="tablet")
    hospital.report_configuration("cart-1")
    hospital.report_configuration("cart-2", bluetooth=True)
    found = {d["device_id"]: d["state"] for d in hospital.everything("/compliance?limit=1")}
    assert found == {
        "cart-1": "compliant", "cart-2": "noncompliant", "cart-3": "pending", "tab-1": "unknown"
    }  # fmt: skip
    for state in ("compliant", "noncompliant", "pending", "unknown"):
        assert len(hospital.everything(f"/compliance?state={state}")) == 1
    assert len(hospital.everything("/compliance?profile=carts")) == 3
    assert hospital.everything("/compliance?profile=carts&state=unknown") == []
    assert hospital.get("/compliance/summary").json == {
        "compliant": 1, "pending": 1, "drifted": 0, "noncompliant": 1, "unsupported": 0,
        "unknown": 1,
    }  # fmt: skip


def test_compliance_that_has_grown_old_is_listed_as_unknown(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.report_configuration("cart-1", ago(minutes=41))
    assert [d["state"] for d in hospital.everything("/compliance")] == ["unknown"]
    assert len(hospital.everything("/compliance?state=unknown")) == 1
    assert hospital.everything("/compliance?state=compliant") == []


@pytest.mark.parametrize("word", ["pending", "drifted", "noncompliant", "unsupported"])
def test_no_judgement_outlives_its_deadline_though_nothing_sweeps(
    hospital: Hospital, word: str
) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.report_configuration("cart-1")
    for due, shown in ((ago(minutes=-1), word), (ago(seconds=1), "unknown")):
        with hospital.app.app_context(), transaction() as session:
            session.execute(
                update(Configuration).values(
                    compliance=word,
                    compliance_reason="settings.bluetooth",
                    reported_at=due - REPORT_MAX_AGE,
                    judge_after=due,
                )
            )
        (listed,) = hospital.everything("/compliance")
        assert listed["state"] == shown
        assert (listed["reason"] == "settings.bluetooth") == (shown == word)
        assert hospital.get("/devices/cart-1").json["compliance"] == shown
        assert hospital.get("/devices/cart-1/compliance").json["state"] == shown
        assert hospital.get("/compliance/summary").json[shown] == 1
        for state in (word, "unknown"):
            for path in ("/compliance?state=", "/devices?compliance="):
                found = hospital.everything(path + state)
                assert len(found) == (state == shown), (path, state)


def test_a_device_whose_repair_is_due_is_known_to_have_drifted(hospital: Hospital) -> None:
    hospital.load()
    hospital.assign()
    hospital.register("CART-1")
    hospital.report_configuration("cart-1")
    with hospital.app.app_context(), transaction() as session:
        session.execute(update(Configuration).values(compliance="drifted", judge_after=ago()))
    assert [d["state"] for d in hospital.everything("/compliance")] == ["drifted"]


def test_a_page_of_compliance_costs_the_same_however_long(hospital: Hospital) -> None:
    hospital.register(*[f"CART-{n}" for n in range(10, 40)])
    hospital.token("read", "write")
    counts = []
    for limit in (1, 30):
        with statements(hospital.app) as sent:
            hospital.get(f"/compliance?limit={limit}")
        counts.append(len(sent))
    assert counts[0] == counts[1]
