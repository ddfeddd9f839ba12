"""The audit as people read it: before and after, searched, as a file."""

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict

from fleet.config import Settings
from fleet.domain.retention import Kept
from fleet.environment import SettingError
from fleet.services.change_device import change_device
from fleet.store.queries.audit import AuditFilter, Entry, find_entries
from fleet.web.audit_changes import audit_filter, changes
from tests.support.plans import plans_of

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def changed(app: Flask, ada: FlaskClient) -> None:
    with app.app_context():
        change_device("cart-001", {"ward": "ward-3b"}, "user:eve", DAY)
        change_device("cart-002", {"serial": "<b>S-1</b>"}, "user:eve", DAY + timedelta(days=1))
        change_device("cart-002", {"serial": None}, "user:bob", DAY + timedelta(days=2))


def subjects(client: FlaskClient, asked: str) -> list[str]:
    answer = client.get(f"/it/audit.csv?{asked}")
    rows = csv.DictReader(StringIO(answer.text.removeprefix("\ufeff"), newline=""))
    return [row["subject"] for row in rows]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("who=user:eve", ["cart-002", "cart-001"]),
        ("who=user:eve&subject=cart-001", ["cart-001"]),
        ("what=device.change", ["cart-002", "cart-002", "cart-001"]),
        ("what=device.ch&who=user:b", ["cart-002"]),
        ("what=device.change&from=2026-11-21", ["cart-002", "cart-002"]),
        ("what=device.change&from=2026-11-21&to=2026-11-21", ["cart-002"]),
        ("what=device.change&to=2026-11-20", ["cart-001"]),
        ("who=user:nobody", []),
        ("who=%25", []),
    ],
)
def test_entries_are_found_by_who_what_subject_and_day(
    ada: FlaskClient, asked: str, found: list[str]
) -> None:
    assert subjects(ada, asked) == found
    page = ada.get(f"/it/audit?{asked}").text
    assert page.count('id="entry-') == len(found)


def test_a_day_is_one_at_the_hospital_and_no_day_asks_for_nothing() -> None:
    wanted = audit_filter(MultiDict({"from": "2026-11-20", "to": "2026-11-20"}), "Europe/Berlin")
    assert wanted.since == datetime(2026, 11, 19, 23, tzinfo=UTC)
    assert wanted.until == datetime(2026, 11, 20, 23, tzinfo=UTC)
    nothing = audit_filter(MultiDict({"from": "soon", "to": "9999-12-31"}), "UTC")
    assert nothing == AuditFilter()


def test_control_40_the_page_shows_who_what_when_before_and_after(ada: FlaskClient) -> None:
    page = ada.get("/it/audit?who=user:eve").text
    assert "<b>ward</b>: <del>ward-3a</del> → <ins>ward-3b</ins>" in page
    assert "<b>serial</b>: <del>—</del> → <ins>&lt;b&gt;S-1&lt;/b&gt;</ins>" in page
    assert "2026-11-20 13:00" in page  # in Berlin
    assert "<b>asset_tag</b>" not in page  # it did not change


def test_only_what_differs_is_shown_and_new_things_whole() -> None:
    def told(before: dict | None, after: dict | None) -> list[tuple[object, ...]]:
        return [tuple(c) for c in changes(Entry(1, DAY, "a", "b", "c", before, after, ""))]

    assert told({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 2, "d": 4}}) == [("b.d", 3, 4)]
    assert told(None, {"a": None, "b": 1}) == [("a", None, None), ("b", None, 1)]
    assert told({"a": 1}, None) == [("a", 1, None)]
    assert told(None, None) == []


def test_no_search_of_the_audit_reads_it_whole(app: Flask) -> None:
    for wanted in (AuditFilter(who="user:eve"), AuditFilter(what="device.change"),
                   AuditFilter(subject="cart-001")):  # fmt: skip
        with app.app_context():
            for plan in plans_of(lambda wanted=wanted: find_entries(wanted)):
                assert not any(s.startswith(("SCAN audit_entry", "Seq Scan")) for s in plan), plan


def test_no_setting_keeps_the_audit_for_less_than_a_year(tmp_path: object) -> None:
    environ = {"FLEET_DATA_DIR": str(tmp_path)}
    with pytest.raises(SettingError, match="FLEET_RETENTION_AUDIT_DAYS"):
        Settings.from_env({**environ, "FLEET_RETENTION_AUDIT_DAYS": "364"})
    least = Settings.from_env({**environ, "FLEET_RETENTION_AUDIT_DAYS": "365"})
    assert least.retention[Kept.AUDIT] >= timedelta(days=365)
