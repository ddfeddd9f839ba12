"""Packs are studied hour by hour: capacity, health, use, and what is not wear, each hour once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select, update

from fleet.ingest.pipeline import process
from fleet.services import study_packs as service
from fleet.services.study_packs import study_packs
from fleet.store.database import db, transaction
from fleet.store.models import (
    Alert,
    BatteryPack,
    DeviceEndurance,
    DeviceState,
    PackState,
    StudyProgress,
    Transition,
    Zone,
)
from fleet.store.packed import profiles_of, wear_of
from tests.support.hospital import build_hospital, message, reading, telemetry

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
MORNING = datetime(2026, 11, 24, 6, tzinfo=UTC)
"""A Tuesday, 7 o'clock in Berlin."""


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital(carts=3, now=MORNING)
        open_from(MORNING)
        yield


def open_from(hour: datetime) -> None:
    with transaction() as session:
        session.execute(update(StudyProgress).values(open_hour=hour, swept_to=None))


class Cart:
    """Says one reading after the other; `pack` is what its battery says beside the usual."""

    def __init__(self, device_id: str = "cart-001", **pack: Any) -> None:
        self.device_id, self.pack, self.at, self.seq = device_id, pack, MORNING, 0
        self._said: list[Any] = []

    def says(
        self, soc: int, ma: int, count: int = 1, every: timedelta = MINUTE, **pack: Any
    ) -> None:
        for _ in range(count):
            self.seq += 1
            battery = {"current_ma": ma, **self.pack, **pack}
            told = reading(self.seq, soc, self.at, battery=battery)
            self._said.append(message("telemetry", telemetry(told), self.at, self.device_id))
            self.at += every

    def is_full(self, **pack: Any) -> None:
        self.says(100, 0, status="full", power_source="mains", voltage_mv=28_800, **pack)

    def drives(self, soc: int, until: int, ma: int = -4_000, **pack: Any) -> None:
        """Down to `until` by a gauge that believes in 40 Ah."""
        minutes = round((soc - until) * 400 * 60 / -ma)
        for value in np.linspace(soc, until, minutes):
            self.says(round(value), ma, voltage_mv=26_000, **pack)

    def is_heard(self) -> None:
        process(self._said, self.at)
        self._said = []


def state(pack_id: int = 1) -> PackState:
    db.session.rollback()
    return db.session.get_one(PackState, pack_id)


def everything() -> list[Any]:
    db.session.rollback()
    rows = [list(db.session.execute(select(m.__table__))) for m in
            (BatteryPack, PackState, DeviceEndurance, StudyProgress)]  # fmt: skip
    zones = list(db.session.execute(select(Zone.powered_share)))
    return [*rows, zones]


def standing() -> dict[str, str | None]:
    db.session.rollback()
    return {a.kind: a.detail for a in db.session.scalars(select(Alert)) if a.state != "resolved"}


def studied(cart: Cart) -> None:
    cart.is_heard()
    study_packs(cart.at + 3 * HOUR)
    cart.at += 3 * HOUR


def test_a_stale_gauge_is_seen_through_once_the_pack_ran_from_full_to_the_cut_off() -> None:
    """True 32 Ah; the gauge still believes in 40."""
    cart = Cart()
    cart.is_full()
    cart.drives(100, 20)
    cart.says(20, -4_000, voltage_mv=22_300)
    studied(cart)
    known = state()
    assert known.health_source == "counted"
    assert known.health_pct == pytest.approx(80, abs=1)
    assert known.learned_mah == pytest.approx(32_000, rel=0.01)
    assert known.health_deviation_pct is not None
    assert known.health_reason == "one swing only"
    endurance = db.session.get_one(DeviceEndurance, 1)
    assert endurance.usable_mah == pytest.approx(known.learned_mah)
    assert endurance.capacity_spread == pytest.approx(
        (known.learned_deviation_mah or 0) / (known.learned_mah or 1), rel=1e-5
    )


def test_before_that_the_health_is_the_gauges_word_and_says_so() -> None:
    cart = Cart(full_charge_mah=36_000)
    cart.is_full()
    cart.drives(100, 80)
    studied(cart)
    known = state()
    assert (known.health_pct, known.health_source) == (90, "gauge")
    assert known.health_reason == "no swing of 35 % yet"
    assert db.session.get_one(DeviceEndurance, 1).usable_mah is None


def test_an_hour_is_studied_when_it_has_been_over_for_an_hour() -> None:
    cart = Cart()
    cart.says(90, -2_000, 10)
    cart.is_heard()
    study_packs(MORNING + 2 * HOUR - MINUTE)
    assert everything()[1] == []
    study_packs(MORNING + 2 * HOUR)
    assert state().studied_to == MORNING + HOUR


def test_a_second_run_and_a_clock_put_back_change_nothing() -> None:
    cart = Cart()
    cart.drives(100, 70)
    studied(cart)
    before = state().age_cycles, state().run, wear_of([state().wear]).readings.sum()
    study_packs(cart.at + 3 * HOUR)
    open_from(MORNING)
    study_packs(cart.at + 3 * HOUR)
    assert (state().age_cycles, state().run, wear_of([state().wear]).readings.sum()) == before


def test_a_run_that_dies_as_it_writes_leaves_nothing_and_the_next_one_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(service, "AT_ONCE", 1)
    for name in ("cart-001", "cart-002", "cart-003"):
        cart = Cart(name, serial=name)
        cart.drives(100, 85)
        cart.is_heard()
    open_from(MORNING)
    write, calls = service._write_zones, iter(range(100))

    def lights_out(*arguments: Any) -> None:
        write(*arguments)
        if next(calls) % 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(service, "_write_zones", lights_out)
    for _ in range(20):
        try:
            study_packs(MORNING + 5 * HOUR)
        except KeyboardInterrupt:
            continue
    cut_off = everything()
    assert next(calls) > 6
    monkeypatch.undo()
    with transaction() as session:
        for model in (PackState, DeviceEndurance):
            session.query(model).delete()
        session.execute(update(Zone).values(powered_share=None))
    open_from(MORNING)
    study_packs(MORNING + 5 * HOUR)
    assert [sorted(map(repr, rows)) for rows in everything()] == [
        sorted(map(repr, rows)) for rows in cut_off
    ]


def test_the_load_in_use_is_learned_by_the_hour_of_the_week_where_the_hospital_is() -> None:
    cart = Cart()
    cart.says(90, -4_000, 30)
    cart.says(89, -100, 30)
    cart.is_heard()
    with transaction() as session:
        session.execute(update(DeviceState).values(load_ma=4_000))
    study_packs(cart.at + 3 * HOUR)
    known = db.session.get_one(DeviceEndurance, 1)
    profile = profiles_of([known.profile])[0]
    assert np.flatnonzero(np.isfinite(profile)).tolist() == [24 + 7]
    assert profile[24 + 7] == pytest.approx(4_000)
    assert known.hours_seen == 1


def test_an_unnamed_pack_has_a_row_and_the_next_one_in_its_slot_a_history_of_its_own() -> None:
    cart = Cart(serial=None, full_charge_mah=30_000, cycle_count=700)
    cart.says(80, -2_000, 60)
    cart.pack |= {"full_charge_mah": 40_000, "cycle_count": 3}
    cart.says(95, -2_000, 60)
    studied(cart)
    packs = db.session.execute(
        select(BatteryPack.generation, BatteryPack.design_mah, PackState.removed_at,
               PackState.health_pct, PackState.age_cycles)
        .join(PackState, PackState.pack_id == BatteryPack.id).order_by(BatteryPack.id)
    ).all()  # fmt: skip
    assert [row[:4] for row in packs] == [
        (0, 40_000, MORNING + HOUR, 75), (1, 40_000, None, 100)
    ]  # fmt: skip
    assert [round(row.age_cycles) for row in packs] == [700, 3]
    swap = db.session.scalars(select(Transition).where(Transition.aspect == "pack")).one()
    assert (swap.old, swap.new) == ("unnamed pack 1", "unnamed pack 2")


def test_a_pack_that_is_taken_out_is_removed_and_comes_back_with_its_history() -> None:
    cart = Cart(serial="A")
    for serial in ("A", "B", "A"):
        cart.pack["serial"] = serial
        cart.says(80, -2_000, 60)
    cart.is_heard()
    study_packs(MORNING + 3 * HOUR)
    assert (state(1).removed_at, state(2).removed_at) == (MORNING + HOUR, None)
    study_packs(MORNING + 6 * HOUR)
    assert (state(1).removed_at, state(2).removed_at) == (None, MORNING + 2 * HOUR)


def test_a_gauge_that_falls_at_once_lies_until_a_guided_run_down() -> None:
    cart = Cart()
    cart.says(45, -2_000, 10)
    cart.says(0, -2_000, 10)
    studied(cart)
    assert "guided run-down test" in (standing()["gauge_lies"] or "")
    assert "45 % to 0 %" in (standing()["gauge_lies"] or "")
    cart.is_full()
    cart.drives(100, 20)
    cart.says(20, -4_000, voltage_mv=22_300)
    studied(cart)
    assert "gauge_lies" not in standing()


def test_a_single_glitch_of_a_gauge_is_neither_a_lie_nor_a_reset() -> None:
    cart = Cart()
    cart.says(45, -2_000, 10)
    cart.says(0, -2_000, cycle_count=0)
    cart.says(45, -2_000, 10)
    studied(cart)
    assert standing() == {}
    assert round(state().age_cycles) == 100


def test_a_pack_that_is_warm_and_low_at_rest_may_be_swollen() -> None:
    cart = Cart()
    cart.says(50, 0, 120, temp_c=22.0, voltage_mv=26_000)
    cart.says(50, 0, 60, temp_c=47.0, voltage_mv=24_500)
    studied(cart)
    assert "swelling" in standing()
    cart.says(50, 0, 120, temp_c=25.0, voltage_mv=26_000)
    studied(cart)
    assert "swelling" not in standing()


BAD: dict[str, Any] = {
    "one reading": [(90, -2_000, {})],
    "nothing but zeros": [(0, 0, {"full_charge_mah": 0, "design_mah": 0, "cycle_count": 0})] * 5,
    "more than was ever built": [(90, -2_000, {"full_charge_mah": 90_000})] * 5,
    "no current, no capacity": [(90, None, {"full_charge_mah": None, "design_mah": None})] * 5,
    "deep cold": [(90, -2_000, {"temp_c": -40.0, "voltage_mv": 0})] * 5,
    "spikes": [(n % 2 * 100, (-1) ** n * 900_000, {"cycle_count": n * 10_000}) for n in range(9)],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_no_error_and_no_confident_nonsense(name: str) -> None:
    cart = Cart(serial=None)
    for soc, ma, pack in BAD[name]:
        cart.says(soc, ma, **pack)  # type: ignore[arg-type]
    studied(cart)
    known = state()
    assert known.health_source != "counted"
    assert known.learned_mah is None
    assert known.health_pct is None or known.health_pct <= 100
    if known.health_pct is None:
        assert known.health_reason


def test_a_flood_of_readings_of_one_pack_is_studied_too() -> None:
    cart = Cart()
    cart.says(90, -2_000, 3_500, every=timedelta(seconds=1))
    studied(cart)
    assert state().age_cycles == pytest.approx(100, abs=0.06)
