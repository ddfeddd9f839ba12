"""With nothing to take: the nearest ward that can spare one."""

from fleet.domain.neighbours import Other, nearest_lender


def other(pk: int, name: str, free: int = 3, least: int = 1) -> Other:
    return Other(pk, f"ward-{name.lower()}", name, free, least)


def lender(name: str, *others: Other, places: dict[int, int] | None = None) -> tuple[str, bool]:
    found = nearest_lender(name, others, places or {})
    return (found.ward.name, found.is_set) if found else ("nobody", False)


def test_the_order_that_it_has_set_comes_first() -> None:
    wards = other(1, "3B"), other(2, "9A"), other(3, "4A")
    assert lender("3A", *wards, places={2: 1, 3: 2}) == ("9A", True)


def test_else_the_floor_in_its_name_and_then_the_name() -> None:
    assert lender("3A", other(1, "5A"), other(2, "4B"), other(3, "4A")) == ("4A", False)
    assert lender("ICU", other(1, "5A"), other(2, "2B")) == ("2B", False)
    assert lender("3A", other(1, "Oncology"), other(2, "9A")) == ("9A", False)


def test_a_ward_gives_only_what_it_does_not_need_itself() -> None:
    kept = other(1, "3B", free=2, least=2)
    assert lender("3A", kept, places={1: 1}) == ("nobody", False)
    assert lender("3A", kept, other(2, "7A")) == ("7A", False)
    assert other(1, "3B", free=5, least=2).spare == 3
    assert other(1, "3B", free=0, least=2).spare == 0
