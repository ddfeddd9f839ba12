from fleet.domain.battery.packs import Pack
from fleet.domain.battery.policy import BatteryPolicy, default_policy
from fleet.domain.battery.replacement import needs_replacement
from fleet.domain.words import Chemistry

POLICY = BatteryPolicy(replace_below_soh_pct=70, replace_above_cycles=3000)


def pack(health_pct: int, cycles: int = 100, slot: int = 0) -> Pack:
    return Pack(slot=slot, full_charge_mah=health_pct, design_mah=100, cycle_count=cycles)


def test_a_pack_below_the_health_of_its_policy_is_worn_and_says_why() -> None:
    assert needs_replacement([(pack(70), POLICY)]) is None
    assert needs_replacement([(pack(69), POLICY)]) == "health 69 %, replaced below 70 %"


def test_a_pack_above_the_cycles_of_its_policy_is_worn_and_says_why() -> None:
    assert needs_replacement([(pack(95, 3000), POLICY)]) is None
    assert needs_replacement([(pack(95, 3001), POLICY)]) == "3001 cycles, replaced above 3000"


def test_a_pack_that_calls_itself_dead_is_worn() -> None:
    assert needs_replacement([(Pack(health="dead"), POLICY)]) == "the pack reports dead"


def test_a_worn_pack_whose_gauge_rounds_up_by_one_stays_worn() -> None:
    assert needs_replacement([(pack(71), POLICY)], was_worn=True) is not None
    assert needs_replacement([(pack(72), POLICY)], was_worn=True) is None


def test_of_several_packs_the_worn_one_is_named_by_its_slot() -> None:
    found = needs_replacement([(pack(90), POLICY), (pack(60, slot=1), POLICY)])
    assert found == "slot 1: health 60 %, replaced below 70 %"


def test_a_pack_that_reports_no_capacity_is_not_called_worn() -> None:
    assert needs_replacement([(Pack(soc_pct=5), POLICY)]) is None


def test_lead_acid_wears_out_in_far_fewer_cycles_than_lithium_iron_phosphate() -> None:
    lead, iron = default_policy(Chemistry.LEAD_ACID), default_policy(Chemistry.LIFEPO4)
    assert lead.replace_above_cycles < iron.replace_above_cycles
    assert lead.needs_charging_below_pct > iron.needs_charging_below_pct
