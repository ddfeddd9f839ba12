"""Simulated packs obey physics, and their gauges err as gauges do."""

from collections.abc import Iterator

import pytest

from fleet.domain.words import Chemistry, DeviceKind
from fleet.simulator.battery import SimulatedPack
from fleet.simulator.habits import HABITS

ALL_BUILDS = [build for habits in HABITS.values() for build in habits.builds.values()]
CART = HABITS[DeviceKind.MEDICATION_CART].builds
MINUTE = 60.0


def new_pack(soc: float = 0.5, health: float = 1.0, **options: float) -> SimulatedPack:
    build = CART[Chemistry.LIFEPO4]
    return SimulatedPack(build, "P1", soc=soc, health=health, cycles=0.0, **options)


def minutes(pack: SimulatedPack, count: int, load_w: float = 0, *, charger: bool) -> Iterator[int]:
    for minute in range(count):
        pack.step(MINUTE, load_w, charger)
        yield minute


def test_what_a_load_draws_is_missing_afterwards() -> None:
    pack = new_pack(soc=0.8)
    for _ in minutes(pack, 60, load_w=100, charger=False):
        pass
    reading = pack.reading("none", charger_works=True)
    drawn_mah = -1000 * pack.current_a
    assert reading.remaining_mah == pytest.approx(0.8 * 40_000 - drawn_mah, rel=0.01)
    assert (reading.status, reading.current_ma) == ("discharging", round(1000 * pack.current_a))
    assert reading.current_ma is not None
    assert reading.current_ma < 0


@pytest.mark.parametrize("build", ALL_BUILDS, ids=lambda b: b.model)
def test_every_pack_charges_full_and_then_stops(build: object) -> None:
    pack = SimulatedPack(build, "P1", soc=0.1, health=0.9, cycles=0)  # type: ignore[arg-type]
    currents = [pack.current_a for _ in minutes(pack, 600, charger=True)]
    assert pack.soc == pytest.approx(1.0, abs=0.02)
    assert pack.is_full
    assert currents[-1] == 0
    assert pack.reading("mains", charger_works=True).status == "full"


def test_a_charger_holds_the_current_first_and_the_voltage_then() -> None:
    pack = SimulatedPack(CART[Chemistry.NMC], "P1", soc=0.3, health=1.0, cycles=0)
    currents = [pack.current_a for _ in minutes(pack, 400, charger=True) if not pack.is_full]
    assert currents[0] == currents[30] == 9.0
    assert currents[-1] < 2.0
    assert currents == sorted(currents, reverse=True)


def test_the_voltage_falls_with_the_charge_and_under_load() -> None:
    resting = [new_pack(soc).voltage_v for soc in (0.05, 0.3, 0.6, 0.9)]
    assert resting == sorted(resting)
    loaded = new_pack(0.6)
    loaded.step(0.0, 130, charger=False)
    assert loaded.voltage_v < new_pack(0.6).voltage_v
    assert 24 < loaded.voltage_v < 28


def test_an_empty_pack_gives_nothing_more() -> None:
    pack = new_pack(soc=0.01)
    for _ in minutes(pack, 60, load_w=130, charger=False):
        pass
    assert pack.soc == 0
    assert pack.current_a == 0
    assert pack.reading("none", charger_works=True).soc_pct == 0


def test_use_wears_a_pack_down() -> None:
    pack = new_pack()
    for _ in range(20):
        for _ in minutes(pack, 600, load_w=130, charger=False):
            pass
        for _ in minutes(pack, 600, charger=True):
            pass
    assert 15 < pack.cycles < 21
    assert 0.9975 < pack.health < 0.9985
    reading = pack.reading("mains", charger_works=True)
    assert reading.full_charge_mah is not None
    assert reading.full_charge_mah < 40_000


def test_current_warms_a_pack_and_rest_cools_it() -> None:
    pack = new_pack(soc=0.1)
    for _ in minutes(pack, 60, charger=True):
        pass
    warm = pack.temp_c
    for _ in minutes(pack, 300, charger=False):
        pass
    assert 23 < warm < 45
    assert pack.temp_c == pytest.approx(22.0, abs=0.2)


def test_a_gauge_drifts_until_a_full_charge_puts_it_right() -> None:
    pack = new_pack(soc=1.0, gauge_error=0.05)
    for _ in minutes(pack, 240, load_w=130, charger=False):
        pass
    told = pack.reading("none", charger_works=True).soc_pct
    assert told == pytest.approx(100 * pack.soc - 2.5, abs=1.5)
    for _ in minutes(pack, 400, charger=True):
        pass
    assert pack.reading("mains", charger_works=True).soc_pct == 100


def test_a_dead_charger_is_plugged_in_and_discharges_all_the_same() -> None:
    pack = new_pack()
    pack.step(MINUTE, 22, charger=False)
    reading = pack.reading("mains", charger_works=False)
    assert (reading.power_source, reading.status) == ("mains", "discharging")
