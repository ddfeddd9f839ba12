from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.battery.packs import Pack, combine


def test_two_packs_are_one_battery_weighted_by_their_size() -> None:
    big = Pack(slot=0, soc_pct=90, remaining_mah=27_000, full_charge_mah=30_000, current_ma=-2000)
    small = Pack(slot=1, soc_pct=10, remaining_mah=1_000, full_charge_mah=10_000, current_ma=-500)
    charge = combine([big, small])
    assert (charge.soc_pct, charge.remaining_mah, charge.full_mah) == (70, 28_000, 40_000)
    assert charge.current_ma == -2500


def test_a_pack_that_does_not_know_its_size_leaves_the_total_unknown() -> None:
    charge = combine([Pack(soc_pct=80, remaining_mah=8, full_charge_mah=10), Pack(soc_pct=40)])
    assert charge.soc_pct == 60
    assert charge.remaining_mah is None
    assert charge.full_mah is None


def test_the_coldest_pack_tells_the_temperature_of_both() -> None:
    assert combine([Pack(temp_c=21.5), Pack(slot=1), Pack(slot=2, temp_c=-4.0)]).temp_c == -4.0
    assert combine([Pack()]).temp_c is None


def test_nothing_reported_is_nothing_known() -> None:
    charge = combine([])
    assert charge.soc_pct is None
    assert charge.plugged_in is None
    assert not charge.full


def test_any_source_of_power_counts_as_plugged_in_and_none_as_not() -> None:
    assert combine([Pack(power_source="dock"), Pack(power_source="none")]).plugged_in is True
    assert combine([Pack(power_source="none")]).plugged_in is False


def test_without_a_source_the_status_tells_whether_it_is_plugged_in() -> None:
    assert combine([Pack(status="not_charging")]).plugged_in is True
    assert combine([Pack(status="discharging")]).plugged_in is False


def test_health_is_full_charge_over_design_capacity() -> None:
    assert Pack(full_charge_mah=30_000, design_mah=40_000).soh_pct == 75
    assert Pack(full_charge_mah=30_000).soh_pct is None
    assert Pack(full_charge_mah=30_000, design_mah=0).soh_pct is None


@given(
    st.lists(
        st.tuples(st.integers(0, 100), st.none() | st.integers(0, 100_000)), min_size=1, max_size=8
    )
)
def test_the_charge_of_all_lies_between_the_least_and_the_most(
    packs: list[tuple[int, int | None]],
) -> None:
    charge = combine([Pack(soc_pct=soc, full_charge_mah=full) for soc, full in packs])
    assert charge.soc_pct is not None
    assert min(soc for soc, _ in packs) <= charge.soc_pct <= max(soc for soc, _ in packs)


def test_where_the_status_is_unknown_the_current_tells_that_it_charges() -> None:
    assert combine([Pack(current_ma=8_000, power_source="mains")]).charging
    assert not combine([Pack(current_ma=20, power_source="mains")]).charging
    assert not combine([Pack(current_ma=8_000, status="not_charging")]).charging
