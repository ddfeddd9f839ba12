"""The made-up hospital: the same for the same seed, and as varied as a real one."""

from collections import Counter

import pytest

from fleet.domain.words import Chemistry, DeviceKind
from fleet.simulator.roster import Opening, demo_roster
from fleet.wire.topics import is_device_id

CARTS, TABLETS = DeviceKind.MEDICATION_CART, DeviceKind.TABLET


def test_the_demo_hospital_has_six_wards_of_eight_carts_and_twelve_tablets() -> None:
    roster = demo_roster()
    per_ward = Counter((device.ward, device.kind) for device in roster.devices)
    assert len(roster.wards) == 6
    for ward in roster.wards:
        assert (per_ward[ward.slug, CARTS], per_ward[ward.slug, TABLETS]) == (8, 12)


def test_the_same_seed_makes_the_same_hospital_and_another_makes_another() -> None:
    assert demo_roster(5) == demo_roster(5)
    assert demo_roster(5) != demo_roster(6)


def test_tags_are_for_people_and_ids_for_mqtt() -> None:
    roster = demo_roster()
    tags = [device.asset_tag for device in roster.devices]
    assert (tags[0], tags[47], tags[48], tags[-1]) == ("CART-001", "CART-048", "TAB-001", "TAB-072")
    for device in roster.devices:
        assert device.device_id == device.asset_tag.lower()
        assert is_device_id(device.device_id)


def test_names_are_unique_in_a_large_hospital() -> None:
    roster = demo_roster(wards=40, carts=1_500, tablets=2_500)
    for names in (
        [device.device_id for device in roster.devices],
        [ward.slug for ward in roster.wards],
        [ward.name for ward in roster.wards],
        [zone.code for ward in roster.wards for zone in ward.zones],
    ):
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(("wards", "carts"), [(1, 1), (3, 7), (7, 3), (6, 48), (5, 0)])
def test_devices_are_dealt_out_as_evenly_as_they_go(wards: int, carts: int) -> None:
    roster = demo_roster(wards=wards, carts=carts, tablets=0)
    per_ward = Counter(device.ward for device in roster.devices)
    counts = [per_ward[ward.slug] for ward in roster.wards]
    assert sum(counts) == carts
    assert max(counts) - min(counts) <= 1


def test_every_ward_shows_several_groups_from_the_start() -> None:
    roster = demo_roster()
    for ward in roster.wards:
        openings = {d.opening for d in roster.devices if d.ward == ward.slug and d.kind == CARTS}
        assert openings >= {Opening.PARKED, Opening.IN_USE, Opening.CHARGING, Opening.LOW}


def test_somewhere_each_trouble_is_there_from_the_start() -> None:
    openings = {device.opening for device in demo_roster().devices}
    assert openings == set(Opening)


def test_most_carts_are_lithium_iron_and_some_are_not() -> None:
    chemistries = Counter(d.chemistry for d in demo_roster().devices if d.kind == CARTS)
    assert chemistries[Chemistry.LIFEPO4] > 30
    assert chemistries[Chemistry.LEAD_ACID] > 2
    assert chemistries[Chemistry.NMC] > 2


def test_a_few_devices_lag_behind_or_lack_a_setting() -> None:
    devices = demo_roster().devices
    assert 0 < sum(dict(device.apps)["emar"] == "7.1.4" for device in devices) < 24
    assert 0 < sum(device.firmware in ("4.0.2", "2.7.9") for device in devices) < 30
    assert 0 < sum(bool(device.lacks) for device in devices) < 24


def test_a_hospital_needs_a_ward() -> None:
    with pytest.raises(ValueError, match="needs a ward"):
        demo_roster(wards=0)
