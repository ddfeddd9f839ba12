"""Rings of a rollout: who comes first, and how many."""

from fleet.domain.rollout.plan import Plan, plan_from, problems_of
from fleet.domain.rollout.rings import Member, rings


def members(wards: int, each: int, heard: bool = True) -> list[Member]:
    return [Member(ward * 1000 + n, ward, heard) for ward in range(wards) for n in range(each)]


def test_canaries_stand_in_different_wards_as_long_as_there_are_wards() -> None:
    everybody = members(wards=10, each=10)
    ward_of = {member.pk: member.ward_id for member in everybody}
    canaries = rings(everybody, Plan(canaries=10), "a")[0]
    assert len({ward_of[pk] for pk in canaries}) == 10
    canaries = rings(everybody, Plan(canaries=15), "a")[0]
    assert sorted({ward_of[pk] for pk in canaries}) == list(range(10))


def test_every_device_is_in_one_ring_and_shares_grow_as_planned() -> None:
    everybody = members(wards=20, each=50)
    found = rings(everybody, Plan(canaries=3, shares=(5, 25, 100)), "a")
    assert [len(ring) for ring in found] == [3, 47, 200, 750]
    assert sorted(pk for ring in found for pk in ring) == sorted(m.pk for m in everybody)


def test_rings_that_would_be_empty_are_left_out() -> None:
    assert [len(ring) for ring in rings(members(2, 5), Plan(canaries=3), "a")] == [3, 7]
    assert [len(ring) for ring in rings(members(1, 2), Plan(canaries=3), "a")] == [2]
    assert rings([], Plan(), "a") == []


def test_a_canary_is_one_that_is_heard_if_its_ward_has_one() -> None:
    quiet = members(wards=3, each=30, heard=False)
    loud = [member._replace(heard=True) if member.pk % 1000 == 7 else member for member in quiet]
    assert sorted(rings(loud, Plan(canaries=3), "a")[0]) == [7, 1007, 2007]


def test_the_same_seed_gives_the_same_rings_and_another_one_others() -> None:
    everybody = members(wards=5, each=20)
    assert rings(everybody, Plan(), "a") == rings(everybody[::-1], Plan(), "a")
    assert rings(everybody, Plan(), "a")[0] != rings(everybody, Plan(), "b")[0]


def test_a_plan_that_cannot_work_is_told_field_by_field() -> None:
    assert problems_of(Plan()) == {}
    wrong = Plan(canaries=0, shares=(25, 5, 100), error_pct=101, takes_min=31)
    assert set(problems_of(wrong)) == {"canaries", "shares", "error_pct", "takes_min"}
    assert "shares" in problems_of(Plan(shares=()))
    assert "shares" in problems_of(Plan(shares=(5, 50)))


def test_a_plan_survives_being_kept() -> None:
    plan = Plan(canaries=2, shares=(50, 100), soak_min=0)
    assert plan_from({**plan.as_document(), "of_a_later_version": 1}) == plan
