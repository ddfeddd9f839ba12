from datetime import timedelta

from fleet.domain.battery.incidents import (
    Incident,
    between,
    dead_outlet,
    docked_without_power,
    seen_in,
)
from fleet.domain.battery.packs import Charge, Pack

MINUTE = timedelta(minutes=1)
WORN = Pack(serial="A", soc_pct=40, cycle_count=400, full_charge_mah=8_000, design_mah=10_000)


def test_another_serial_is_another_pack() -> None:
    assert between(WORN, WORN._replace(serial="B"), MINUTE) == [Incident.SWAPPED]


def test_without_a_serial_a_healthier_pack_with_fewer_cycles_is_another() -> None:
    new = WORN._replace(serial=None, cycle_count=3, full_charge_mah=10_000)
    assert between(WORN, new, MINUTE) == [Incident.SWAPPED]


def test_the_same_pack_that_counts_from_zero_was_reset() -> None:
    assert between(WORN, WORN._replace(cycle_count=0), MINUTE) == [Incident.GAUGE_RESET]


def test_forty_to_nothing_at_once_is_a_lie_and_over_hours_it_is_use() -> None:
    empty = WORN._replace(soc_pct=0)
    assert between(WORN, empty, MINUTE) == [Incident.GAUGE_LIES]
    assert between(WORN, empty, timedelta(hours=5)) == []
    assert between(WORN._replace(soc_pct=3), empty, MINUTE) == []


def test_what_is_not_known_is_no_incident() -> None:
    assert between(Pack(), Pack(), MINUTE) == seen_in(Pack(), None) == []


def test_hot_is_hot_and_freezing_is_not() -> None:
    assert seen_in(Pack(temp_c=61.0), None) == [Incident.OVERHEATING]
    assert seen_in(Pack(temp_c=-12.0), None) == []


def test_warm_and_low_at_rest_is_a_suspicion_but_not_under_load() -> None:
    warm = Pack(temp_c=47.0, voltage_mv=23_000, current_ma=0)
    assert seen_in(warm, 25_000) == [Incident.SWELLING]
    assert seen_in(warm._replace(current_ma=-2000), 25_000) == []
    assert seen_in(warm, 23_100) == []


def test_a_bay_whose_every_cart_gets_nothing_has_a_dead_outlet() -> None:
    nothing = Charge(soc_pct=50, present=True, plugged_in=False)
    fed = Charge(soc_pct=50, present=True, plugged_in=True, charging=True)
    assert dead_outlet([docked_without_power(True, nothing)] * 3)
    assert not dead_outlet([docked_without_power(True, c) for c in (nothing, fed, nothing)])
    assert not dead_outlet([True])
    assert not docked_without_power(False, nothing)
