import pytest

from fleet.domain.battery.packs import Charge
from fleet.domain.battery.runtime import minutes_to_full, smoothed_load
from fleet.domain.words import Chemistry
from fleet.simulator.battery import Build, SimulatedPack
from fleet.simulator.habits import CART, TABLET


def test_the_load_follows_slowly_over_seconds_and_wholly_over_ten_minutes() -> None:
    assert smoothed_load(1_000, 2_000, 60) == 1_100
    assert smoothed_load(1_000, 2_000, 600) == 2_000
    assert smoothed_load(1_000, 2_000, 1e9) == 2_000


def test_a_clock_that_steps_back_does_not_move_the_load() -> None:
    assert smoothed_load(1_000, 2_000, -3_600) == 1_000


def test_a_charging_current_is_no_load() -> None:
    assert smoothed_load(1_000, -3_000, 60) == 1_000


BUILDS = [*CART.builds.values(), *TABLET.builds.values()]


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.model)
@pytest.mark.parametrize("from_pct", [20, 50, 80, 95])
def test_time_to_full_is_told_within_ten_minutes(build: Build, from_pct: int) -> None:
    pack = SimulatedPack(build, "1", soc=from_pct / 100, health=0.9, cycles=100)
    pack.step(60, 0.0, charger=True)
    told, minutes = minutes_to_full(_charge(pack), build.chemistry), 0
    while not pack.is_full:
        pack.step(60, 0.0, charger=True)
        minutes += 1
    assert told is not None
    assert abs(told - minutes) <= 10


def _charge(pack: SimulatedPack) -> Charge:
    said = pack.reading("mains", charger_works=True)
    return Charge(remaining_mah=said.remaining_mah, full_mah=said.full_charge_mah,
                  current_ma=said.current_ma, charging=True)  # fmt: skip


def test_a_pack_that_is_full_by_its_gauge_is_full_now() -> None:
    full = Charge(remaining_mah=40_000, full_mah=40_000, current_ma=500, charging=True)
    assert minutes_to_full(full, Chemistry.NMC) == 0


def test_what_does_not_charge_is_never_full() -> None:
    discharging = Charge(remaining_mah=20_000, full_mah=40_000, current_ma=-50)
    assert minutes_to_full(discharging, Chemistry.NMC) is None
