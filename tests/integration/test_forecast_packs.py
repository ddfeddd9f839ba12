"""Every night each pack is told when it falls below its threshold, or what is missing to tell."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

from fleet.domain.battery.wear import Wear
from fleet.services.forecast_packs import forecast_packs
from fleet.store.database import db, transaction
from fleet.store.models import Alert, BatteryPack, PackModel, PackState
from fleet.store.packed import wear_blobs
from tests.support.hospital import build_hospital

NIGHT = datetime(2026, 11, 24, 2, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(carts=3, now=NIGHT)
        yield


def enter_pack(
    device_pk: int, cycles: int = 900, rate: float = 2.5e-4, known: timedelta = 90 * DAY,
    model: str = "LFP 40", removed: bool = False,
) -> None:  # fmt: skip
    """An LFP pack (replaced below 70 %) that fades evenly, used one cycle a day."""
    age = np.arange(1.0, cycles + 1)
    wear = Wear.of_histories([(age, 1 - rate * age)])
    with transaction() as session:
        pack = BatteryPack(device_pk=device_pk, slot=0, serial=f"{device_pk}-{cycles}", model=model,
                           chemistry="LiFePO4", design_mah=40_000,
                           first_seen_at=NIGHT - known)  # fmt: skip
        session.add(pack)
        session.flush()
        session.add(
            PackState(pack_id=pack.id, studied_since=NIGHT - known, studied_to=NIGHT,
                      wear=wear_blobs(wear)[0], age_cycles=float(cycles), cycles_a_day=1.0,
                      health_pct=100 * (1 - rate * cycles), health_source="gauge",
                      removed_at=NIGHT if removed else None)
        )  # fmt: skip


def told(pack_id: int = 1) -> PackState:
    db.session.rollback()
    return db.session.get_one(PackState, pack_id)


def standing() -> list[str | None]:
    db.session.rollback()
    return [a.detail for a in db.session.scalars(select(Alert)) if a.state != "resolved"]


def test_a_pack_that_fades_evenly_falls_on_a_day_within_its_interval() -> None:
    enter_pack(1)
    forecast_packs(NIGHT)
    known = told()
    assert known.falls_from
    assert known.falls_on
    assert known.falls_until
    assert NIGHT.date() < known.falls_from <= known.falls_on <= known.falls_until
    assert known.threshold_pct == 70
    assert known.model_known is False
    assert (known.why or "").endswith("new model, wide")
    assert (known.why or "").startswith("lost 22 % in 900 cycles")


@pytest.mark.parametrize(("cycles", "known"), [(2, 90 * DAY), (900, 2 * DAY)])
def test_with_too_little_data_it_says_how_many_days_more(cycles: int, known: timedelta) -> None:
    enter_pack(1, cycles=cycles, known=known)
    forecast_packs(NIGHT)
    assert told().falls_on is None
    assert (told().why or "").startswith("not enough data yet: needs about")


def test_it_is_done_once_a_day() -> None:
    enter_pack(1)
    assert [forecast_packs(NIGHT + n * DAY / 2) for n in range(3)] == [1, 0, 1]


def test_a_pack_that_falls_before_a_new_one_would_be_here_is_to_be_ordered() -> None:
    enter_pack(1, cycles=1_190)
    enter_pack(2, cycles=100)
    forecast_packs(NIGHT)
    assert len(standing()) == 1
    assert (standing()[0] or "").startswith("may fall within the lead time of 8 weeks: lost 30 %")


def test_a_model_has_a_threshold_a_lead_time_and_a_warranty_of_its_own() -> None:
    with transaction() as session:
        session.add(PackModel(model="LFP 40", threshold_pct=75, lead_time_weeks=1,
                              warranty_months=36))  # fmt: skip
    enter_pack(1, cycles=950)
    forecast_packs(NIGHT)
    assert told().threshold_pct == 75
    assert "before its warranty ends on" in (told().why or "")


def test_a_worn_pack_fell_on_the_day_when_it_was_first_told() -> None:
    enter_pack(1, cycles=1_300)
    forecast_packs(NIGHT)
    forecast_packs(NIGHT + DAY)
    assert told().falls_on == date(2026, 11, 24)
    assert "replaced below 70 %" in (told().why or "")


def test_the_hospitals_own_packs_take_over_as_they_end() -> None:
    """Twelve faded evenly to their end, and so the next one is expected to."""
    enter_pack(1)
    forecast_packs(NIGHT)
    alone = told().falls_on
    for n in range(12):
        enter_pack(2, cycles=1_400 + n, removed=True)
    forecast_packs(NIGHT + DAY)
    assert alone is not None
    assert told().falls_on != alone
    even = NIGHT.date() + 300 * DAY
    assert abs((told().falls_on or even) - even) < abs(alone - even)
    assert told().model_known is True
    assert "new model, wide" not in (told().why or "")
