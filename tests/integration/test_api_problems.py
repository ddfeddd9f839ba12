"""Whatever a program sends: a problem that names what is wrong, and never a 500."""

import base64
import itertools
import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from fleet.services.errors import TooManyAttempts
from tests.support.api import API, DOCUMENT, Hospital


@pytest.fixture
def hospital(app: Flask) -> Hospital:
    hospital = Hospital(app)
    hospital.register("CART-1")
    return hospital


def cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


LISTS = ["/devices", "/availability", "/wards", "/sites", "/alerts", "/assignments", "/compliance",
         "/quarantine", "/batteries", "/battery-models",
         "/devices/cart-1/readings", "/devices/cart-1/transitions"]  # fmt: skip
BAD_CURSORS = [
    "", "!", "x" * 600, "bm9uc2Vuc2U", cursor(), cursor(None), cursor([1]), cursor(True),
    cursor(-1), cursor(2**63), cursor(1.5), cursor("a\x00b"), cursor("a\ud800"), cursor(1, 2),
    cursor("0001-01-01T00:00:00+00:00", 1, 1), cursor("2026-01-01", 1, 1),
    cursor("2026-01-01T00:00:00+05:00", 1, 1), base64.b64encode(b"[" * 300).decode(),
]  # fmt: skip


def test_a_cursor_that_is_none_of_ours_is_refused_by_name(hospital: Hospital) -> None:
    for path, bad in itertools.product(LISTS, BAD_CURSORS):
        answer = hospital.get(path, query_string={"cursor": bad})
        assert answer.status_code == 422, (path, bad, answer.text)
        assert [(e["field"], e["in"]) for e in answer.json["errors"]] == [("cursor", "query")]


def test_a_limit_out_of_bounds_is_refused_by_name(hospital: Hospital) -> None:
    for path, limit in itertools.product(LISTS, ("0", "-1", "1001", "many", "", "1" * 5000)):
        answer = hospital.get(path, query_string={"limit": limit})
        assert answer.status_code == 422, (path, limit)
        assert [e["field"] for e in answer.json["errors"]] == ["limit"]


def test_a_misspelt_filter_is_refused_by_name(hospital: Hospital) -> None:
    for path in LISTS:
        answer = hospital.get(f"{path}?wrad=icu")
        assert answer.status_code == 422, path
        assert [e["field"] for e in answer.json["errors"]] == ["wrad"]


def test_a_wrong_filter_is_named(hospital: Hospital) -> None:
    readings = "/devices/cart-1/readings"
    for query, field in (
        ("/devices?kind=lawnmower", "kind"),
        ("/devices?q=a%0Ab", "q"),
        ("/devices?ward=UPPER", "ward"),
        ("/devices?ward=icu%0A", "ward"),
        ("/alerts?state=half", "state"),
        (f"{readings}?since=yesterday", "since"),
        (f"{readings}?since=2026-01-01T00:00:00", "since"),
        (f"{readings}?until=0001-01-01T00:00:00%2B14:00", "until"),
        (f"{readings}?until=9999-12-31T23:59:59-14:00", "until"),
        ("/devices/cart-1/charge?since=2026-01-01", "since"),
        ("/devices/cart-1/charge?bucket_s=60", "bucket_s"),
    ):
        answer = hospital.get(query)
        assert answer.status_code == 422, (query, answer.text)
        assert [(e["field"], e["in"]) for e in answer.json["errors"]] == [(field, "query")]
        assert field in answer.json["detail"]


def test_a_body_that_is_not_json_for_everybody_is_400(hospital: Hospital) -> None:
    for body in (
        b"{", b"nonsense", b"\xff\xfe", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1e999}',
        b'{"a": 9007199254740993}', b'{"a": ' + b"9" * 5000 + b"}", b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}', b'{"\\u0000": 1}', b"[" * 100_000,
    ):  # fmt: skip
        answer = hospital.post("/profiles", data=body, content_type="application/json")
        assert answer.status_code == 400, (body[:20], answer.text)
        assert answer.mimetype == "application/problem+json"


def test_a_body_that_is_no_object_is_422(hospital: Hospital) -> None:
    for body in (b"", b"null", b"[]", b"7", b'"text"'):
        answer = hospital.post("/sites", data=body, content_type="application/json")
        assert answer.status_code == 422, (body, answer.text)


def test_a_body_that_says_it_is_something_else_is_415(hospital: Hospital) -> None:
    body = b'{"slug": "a", "name": "b"}'
    for media_type in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = hospital.post("/sites", data=body, content_type=media_type)
        assert answer.status_code == 415, media_type


def test_a_body_of_many_megabytes_is_413(hospital: Hospital) -> None:
    body = json.dumps({"name": "x" * 3_000_000}).encode()
    answer = hospital.post("/sites", data=body, content_type="application/json")
    assert answer.status_code == 413
    assert answer.mimetype == "application/problem+json"


def test_an_address_of_nothing_is_404(hospital: Hospital) -> None:
    for path in (
        "/nothing", "/devices/", "/devices/UPPER", "/devices/a%0Ab", "/devices/%F0%28",
        "/wards/icu%0A", "/alerts/-1", "/alerts/x", "/profiles/carts/versions/99999999999",
    ):  # fmt: skip
        answer = hospital.get(path)
        assert answer.status_code == 404, path
        assert answer.mimetype == "application/problem+json"
        assert answer.json["status"] == 404


def test_a_number_of_nothing_is_404_for_every_method(hospital: Hospital) -> None:
    numbers = (0, 2**31 - 1, 2**31, 10**19 - 1, 10**30)
    for number, method in itertools.product(numbers, ("GET", "PATCH", "DELETE")):
        answer = hospital.ask(method, f"/assignments/{number}", {"number": 1}, if_match="*")
        assert answer.status_code == 404, (number, method)


def test_a_method_that_is_not_there_is_405_with_those_that_are(hospital: Hospital) -> None:
    for method in ("DELETE", "PUT", "OPTIONS", "TRACE", "PATCH"):
        answer = hospital.ask(method, "/devices")
        assert answer.status_code == 405, method
        assert answer.mimetype == "application/problem+json"
        assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))


def test_every_missing_field_is_named_at_once(hospital: Hospital) -> None:
    answer = hospital.post("/devices", {})
    assert {e["field"] for e in answer.json["errors"]} == {"asset_tag", "kind", "ward"}
    assert {e["in"] for e in answer.json["errors"]} == {"body"}
    assert answer.json.keys() == {
        "type", "title", "status", "detail", "errors", "request_id"
    }  # fmt: skip


def test_two_who_enter_the_same_at_once_are_told_409_and_not_500(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beaten(*_args: object, **_kwargs: object) -> None:
        raise IntegrityError("INSERT", {}, Exception("unique"))

    monkeypatch.setattr("fleet.api.profiles.load_profile", beaten)
    answer = hospital.post("/profiles", DOCUMENT)
    assert answer.status_code == 409
    assert "INSERT" not in answer.text


def test_the_database_itself_refuses_the_second_of_two_equal_sites(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the other had committed between our look and our insert.
    monkeypatch.setattr("fleet.services.places.Site.slug", "unlike")
    answer = hospital.post("/sites", {"slug": "st-mary", "name": "Again"})
    assert answer.status_code == 409


def test_who_tries_too_often_is_told_429(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(*_args: object, **_kwargs: object) -> None:
        raise TooManyAttempts("later")

    monkeypatch.setattr("fleet.api.alerts.find_alerts", throttled)
    # Nothing is throttled yet, so no operation documents it.
    answer = hospital.app.test_client().get(
        f"{API}/alerts", headers={"Authorization": f"Bearer {hospital.token('read')}"}
    )
    assert (answer.status_code, answer.json["detail"]) == (429, "later")


def test_pages_keep_their_own_errors(hospital: Hospital) -> None:
    answer = hospital.app.test_client().get("/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_no_answer_is_kept_by_a_proxy(hospital: Hospital) -> None:
    assert hospital.get("/devices").headers["Cache-Control"] == "private, no-cache"
