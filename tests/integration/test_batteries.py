"""The list of packs and the fleet in figures: found, ordered, paged, and counted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from fleet.domain.battery.needs import Count
from fleet.services.decommission_device import decommission_device
from fleet.store.database import db
from fleet.store.models import BatteryPack
from fleet.store.queries import batteries, search
from fleet.store.queries.batteries import (
    Order,
    PackFilter,
    PackKey,
    Warranty,
    count_packs,
    find_packs,
)
from fleet.store.queries.battery_totals import due_packs, health_of_fleet, packs_to_order
from tests.support.hospital import build_hospital
from tests.support.packs import Worn, know, put_in
from tests.support.plans import plans_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture(autouse=True)
def hospital(app: Flask) -> None:
    with app.app_context():
        build_hospital(carts=12, now=NOW)


def place(app: Flask, *packs: Worn) -> list[int]:
    with app.app_context():
        return put_in(list(packs), NOW)


def serials(app: Flask, **wanted: Any) -> list[str]:
    with app.app_context():
        return [row.serial for row in find_packs(PackFilter(**wanted), TODAY).rows]


def test_who_falls_first_is_first_and_the_unknown_come_last(app: Flask) -> None:
    place(
        app,
        Worn("cart-001", "LATE", falls_in_days=400),
        Worn("cart-002", "NEVER", health_pct=None),
        Worn("cart-003", "SOON", falls_in_days=10),
        Worn("cart-004", "FALLEN", falls_in_days=-9, health_pct=69),
    )
    assert serials(app) == ["FALLEN", "SOON", "LATE", "NEVER"]
    assert serials(app, order=Order.HEALTH)[0] == "FALLEN"
    assert serials(app, order=Order.HEALTH)[-1] == "NEVER"
    assert serials(app, order=Order.TAG) == ["LATE", "NEVER", "SOON", "FALLEN"]


@pytest.mark.parametrize("order", list(Order))
def test_the_pages_together_are_the_whole_list(app: Flask, order: Order) -> None:
    """Packs that are alike in what they are ordered by, and such without it, too."""
    place(app, *(
        Worn(f"cart-{n:03d}", f"P-{n}", falls_in_days=None if n % 4 == 0 else 10 * (n // 3),
             health_pct=None if n % 4 == 0 else 80.1)
        for n in range(1, 13)
    ))  # fmt: skip
    with app.app_context():
        wanted, seen, after = PackFilter(order=order), [], None
        whole = [row.serial for row in find_packs(wanted, TODAY).rows]
        for _ in range(13):
            page = find_packs(wanted, TODAY, after, limit=1)
            seen += [row.serial for row in page.rows]
            after = page.after and PackKey.parse(str(page.after), order)
            if page.after is None:
                break
    assert len(set(whole)) == 12
    assert seen == whole


@pytest.mark.parametrize(
    "text", ["", "~", "7", "~x", "x~7", "2027-13-01~1", "2027-01-01~-1", "2027-01-01~99999999999"]
)
def test_a_key_of_nothing_is_none(text: str) -> None:
    assert PackKey.parse(text, Order.FALLS) is None


def test_packs_are_found_by_the_beginning_of_a_serial_or_of_a_word_of_their_device(
    app: Flask,
) -> None:
    place(app, Worn("cart-001", "Kx-77/b"), Worn("cart-002", "LFP-9"), Worn("cart-003", "100%"))
    assert serials(app, search="kx-77") == ["Kx-77/b"]
    assert serials(app, search="CART-002") == ["LFP-9"]
    assert serials(app, search="003") == ["100%"]
    assert serials(app, search="lfp cart-002") == ["LFP-9"]
    assert serials(app, search="lfp cart-001") == []
    assert serials(app, search="100%") == ["100%"]
    assert serials(app, search="77") == []


def test_the_filters_cut_each_other(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    place(
        app,
        Worn("cart-001", "A", falls_in_days=5),
        Worn("cart-002", "B", model="NMC-8", chemistry="NMC", falls_in_days=50),
        Worn("cart-003", "C", model=None, chemistry=None),
    )
    for rare in (2_000, 0):  # by their keys, and by walking the list
        monkeypatch.setattr(search, "RARE", rare)
        assert serials(app, model="NMC-8") == ["B"]
        assert serials(app, chemistry="LiFePO4") == ["A"]
        assert serials(app, falls_before=TODAY + timedelta(days=6)) == ["A"]
        assert serials(app, ward="ward-3a", model="LFP-40") == ["A"]
        assert serials(app, ward="ward-3b") == []
        assert serials(app, search="cart", chemistry="NMC") == ["B"]


def test_who_was_taken_out_or_belongs_to_no_managed_device_is_not_listed(app: Flask) -> None:
    place(
        app,
        Worn("cart-001", "OLD", removed_days_ago=3, falls_in_days=1),
        Worn("cart-001", "NEW", falls_in_days=1),
        Worn("cart-002", "GONE", falls_in_days=1),
    )
    with app.app_context():
        decommission_device("cart-002", "test", NOW)
        assert packs_to_order(TODAY) == 1
        assert sum(band.packs for band in health_of_fleet().bands) == 1
        assert sum(due.order.likely for due in due_packs(TODAY)) == 1
        assert count_packs(PackFilter(), TODAY) == 1
    assert serials(app) == ["NEW"]


# --- Warranty -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bought", "months", "until"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2024, 3, 31), 36, date(2027, 3, 31)),
        (date(2024, 12, 15), 12, date(2025, 12, 15)),
        (date(2024, 5, 31), 0, date(2024, 5, 31)),
    ],
)
def test_a_warranty_ends_on_the_same_day_or_on_the_last_of_a_shorter_month(
    app: Flask, bought: date, months: int, until: date
) -> None:
    place(app, Worn("cart-001", "A", bought_on=bought))
    with app.app_context():
        know("LFP-40", warranty_months=months)
        assert find_packs(PackFilter(), TODAY).rows[0].warranty_until == until


def test_without_a_day_of_purchase_the_warranty_counts_from_when_it_was_first_heard_of(
    app: Flask,
) -> None:
    place(app, Worn("cart-001", "A", heard_days_ago=0))
    with app.app_context():
        assert find_packs(PackFilter(), TODAY).rows[0].warranty_until is None
        know("LFP-40", warranty_months=12)
        assert find_packs(PackFilter(), TODAY).rows[0].warranty_until == date(2027, 11, 24)


def test_a_claim_falls_while_its_warranty_holds_by_date_and_by_cycles(app: Flask) -> None:
    since = date(2026, 1, 1)
    place(
        app,
        Worn("cart-001", "CLAIM", bought_on=since, falls_in_days=100, age_cycles=300),
        Worn("cart-002", "LATER", bought_on=since, falls_in_days=800, age_cycles=300),
        Worn("cart-003", "BUSY", bought_on=since, falls_in_days=100, age_cycles=450),
        Worn("cart-004", "OVER", bought_on=date(2020, 1, 1), falls_in_days=-2_000, age_cycles=300),
        Worn("cart-005", "UNKNOWN", bought_on=since, age_cycles=300),
    )
    with app.app_context():
        know("LFP-40", warranty_months=24, warranty_cycles=500)
    assert serials(app, warranty=Warranty.CLAIM) == ["CLAIM"]
    assert serials(app, warranty=Warranty.ENDED) == ["OVER"]
    assert set(serials(app, warranty=Warranty.HOLDS)) == {"CLAIM", "LATER", "BUSY", "UNKNOWN"}


# --- In figures -----------------------------------------------------------------------------


def test_what_falls_is_counted_by_quarter_with_what_is_sure_and_what_may_be(app: Flask) -> None:
    """Q1 2027 begins in 38 days and ends in 127, Q2 in 218."""
    place(
        app,
        Worn("cart-001", "A", falls_in_days=-5, give_or_take_days=3),
        Worn("cart-002", "B", falls_in_days=30, give_or_take_days=20),
        Worn("cart-003", "C", falls_in_days=80, give_or_take_days=20),
        Worn("cart-004", "D", falls_in_days=120, give_or_take_days=20),
        Worn("cart-005", "E", falls_in_days=200, give_or_take_days=90),
        Worn("cart-006", "F", falls_in_days=500, give_or_take_days=20),
    )
    with app.app_context():
        [due] = due_packs(TODAY)
        assert packs_to_order(TODAY) == 4
    assert due.now == Count(2, 1, 2)
    assert due.next == Count(2, 1, 3)
    assert due.after == Count(1, 0, 1)
    assert due.order == Count(4, 3, 5)
    assert due.first == TODAY - timedelta(days=5)
    assert (due.model, due.chemistry, due.claims) == ("LFP-40", "LiFePO4", 0)


def test_health_is_counted_in_bands_with_what_is_below_its_threshold(app: Flask) -> None:
    place(
        app,
        Worn("cart-001", "A", health_pct=31.0),
        Worn("cart-002", "B", health_pct=69.999),
        Worn("cart-003", "C", health_pct=70.0),
        Worn("cart-004", "D", health_pct=100.0),
        Worn("cart-005", "E", health_pct=107.2),
        Worn("cart-006", "F", health_pct=None),
    )
    with app.app_context():
        health = health_of_fleet()
    filled = [(band.low, band.packs, band.worn) for band in health.bands if band.packs]
    assert filled == [(None, 1, 1), (65, 1, 1), (70, 1, 0), (100, 2, 0)]
    assert health.unknown == 1


def test_counting_stops_where_nobody_reads_on(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    place(app, *(Worn(f"cart-{n:03d}", f"P-{n}") for n in range(1, 13)))
    monkeypatch.setattr(batteries, "MOST_COUNTED", 8)
    with app.app_context():
        assert count_packs(PackFilter(), TODAY) == 9


@pytest.mark.parametrize(
    "wanted",
    [
        PackFilter(),
        PackFilter(order=Order.HEALTH),
        PackFilter(order=Order.TAG),
        PackFilter(search="p-1"),
        PackFilter(model="LFP-40"),
        PackFilter(ward="ward-3a"),
        PackFilter(falls_before=date(2027, 1, 1)),
    ],
)
def test_no_question_reads_the_whole_of_a_table(app: Flask, wanted: PackFilter) -> None:
    place(app, *(Worn(f"cart-{n:03d}", f"P-{n}", falls_in_days=n) for n in range(1, 13)))
    with app.app_context():
        key = PackKey("2026-12-01", 3) if wanted.order == Order.FALLS else None
        for plan in plans_of(lambda: find_packs(wanted, TODAY, key, limit=5)):
            assert not [step for step in plan if _reads_a_whole_table(step)], plan


def _reads_a_whole_table(step: str) -> bool:
    """A scan in the order of an index ends with the page; one without ends with the table."""
    words = step.split()
    tables = ("pack_state", "battery_pack", "device", "search_token")
    of_a_table = words[:1] == ["SCAN"] and words[1] in tables and "INDEX" not in words
    return of_a_table or step.startswith(("Seq Scan on pack_state", "Seq Scan on bat"))


def test_a_pack_without_a_serial_has_its_place_too(app: Flask) -> None:
    [pack_id] = place(app, Worn("cart-001", "", falls_in_days=9))
    with app.app_context():
        assert find_packs(PackFilter(), TODAY).rows[0].id == pack_id
        assert db.session.scalar(select(BatteryPack.serial)) == ""
