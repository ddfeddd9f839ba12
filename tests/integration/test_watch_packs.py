"""Heat and dead outlets are told within minutes, each once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from fleet.services.watch_packs import watch_packs
from fleet.store.database import db, transaction
from fleet.store.models import Alert, Zone
from tests.support.hospital import NOON, build_hospital, reading, say, telemetry

MINUTE = timedelta(minutes=1)
MAINS = {"power_source": "mains", "status": "charging", "current_ma": 5_000}


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(carts=3)
        with transaction() as session:
            session.execute(update(Zone).values(powered_share=0.8))
        yield


def said(cart: int, minute: int, **battery: Any) -> None:
    at = NOON + minute * MINUTE
    say(
        "telemetry", telemetry(reading(minute + 1, 60, at, battery=battery)), at, f"cart-{cart:03d}"
    )


def watched(minute: int) -> dict[str, str | None]:
    watch_packs(NOON + minute * MINUTE)
    db.session.rollback()
    rows = db.session.scalars(select(Alert).order_by(Alert.id))
    return {a.kind: a.detail for a in rows if a.state != "resolved"}


def test_heat_is_told_by_chemistry_and_taken_back_once_it_has_cooled() -> None:
    said(1, 0, temp_c=59.0)
    assert watched(0) == {}
    said(1, 1, temp_c=61.0)
    assert watched(1) == {"overheating": "LFP-1 has 61 °C, at most 60 °C allowed"}
    said(1, 2, temp_c=58.0)
    assert "overheating" in watched(2)
    said(1, 3, temp_c=54.0)
    assert watched(3) == {}
    said(1, 4, temp_c=52.0, chemistry="lead-acid")
    assert "overheating" in watched(4)


def test_one_cart_without_power_among_others_that_have_it_is_an_alert_of_its_own() -> None:
    for minute in (0, 11):
        said(1, minute)
        said(2, minute, **MAINS)
        found = watched(minute)
        assert found == ({"no_power": "stands in bay 1, and no power comes"} if minute else {})
    said(1, 12, **MAINS)
    assert watched(12) == {}


def test_a_whole_bay_without_power_is_one_alert_of_its_ward() -> None:
    for minute in (0, 11):
        for cart in (1, 2, 3):
            said(cart, minute)
        found = watched(minute)
    assert found == {"dead_outlet": "bay 1: no power for all 3 devices there"}
    said(1, 12, **MAINS)
    assert set(watched(12)) == {"no_power"}


def test_where_devices_are_not_charged_nobody_misses_power() -> None:
    with transaction() as session:
        session.execute(update(Zone).values(powered_share=0.2))
    for minute in (0, 11):
        said(1, minute)
        assert watched(minute) == {}
