"""No rollout costs a ward the carts that it needs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.rollout.care import Candidate, Stock, Ward, admit, hindrance, most_at_once
from fleet.domain.rollout.plan import Plan

PLAN = Plan(min_soc_pct=50, ward_share_pct=20)
CART, TABLET = "medication_cart", "tablet"
FREE = Candidate(1, 1, CART, True, "available", True, 80, 900)


def carts(count: int, **changed: Any) -> list[Candidate]:
    return [FREE._replace(pk=n, **changed) for n in range(1, count + 1)]


def let_in(
    candidates: list[Candidate],
    stock: Stock,
    ward: Ward = Ward(1, True),  # noqa: B008  (it is frozen)
    most: int = 100,
) -> int:
    place = candidates[0].place
    return len(admit(candidates, {place: stock}, {place[0]: ward}, PLAN, most).admitted)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, None),
        ({"online": False}, "not heard of"),
        ({"availability": "in_use"}, "in use"),
        ({"idle_s": 10}, "in use"),
        ({"idle_s": None}, None),
        ({"plugged_in": False}, "not plugged in"),
        ({"plugged_in": None}, "not plugged in"),
        ({"soc_pct": None}, "its charge is not known"),
        ({"soc_pct": 49}, "charge 49 %, needs 50 %"),
        ({"soc_pct": 50}, None),
    ],
)
def test_a_device_waits_while_it_is_needed_or_could_run_dry(
    changed: dict[str, Any], reason: str | None
) -> None:
    assert hindrance(FREE._replace(**changed), PLAN) == reason


def test_at_most_a_fifth_of_a_wards_carts_is_at_work_at_once() -> None:
    assert let_in(carts(20), Stock(devices=20, free=20, at_work=0)) == 4
    assert let_in(carts(20), Stock(devices=20, free=20, at_work=3)) == 1
    assert let_in(carts(20), Stock(devices=20, free=20, at_work=4)) == 0
    assert most_at_once(19, PLAN) == 3
    assert most_at_once(3, PLAN) == 1


def test_the_wards_minimum_of_available_carts_stays() -> None:
    assert let_in(carts(20), Stock(devices=20, free=3, at_work=0), Ward(2, True)) == 1
    assert let_in(carts(20), Stock(devices=20, free=2, at_work=0), Ward(2, True)) == 0
    charging = carts(20, availability="charging")
    assert let_in(charging, Stock(devices=20, free=2, at_work=0), Ward(2, True)) == 4
    assert let_in(charging, Stock(devices=20, free=1, at_work=0), Ward(2, True)) == 0


def test_tablets_are_counted_for_themselves_and_need_no_minimum() -> None:
    tablets = carts(20, kind=TABLET)
    assert let_in(tablets, Stock(devices=20, free=4, at_work=0), Ward(9, True)) == 4


def test_nothing_begins_outside_the_wards_windows() -> None:
    assert let_in(carts(20), Stock(devices=20, free=20, at_work=0), Ward(0, False)) == 0


def test_who_waits_is_told_why() -> None:
    found = admit(
        [FREE, FREE._replace(pk=2, soc_pct=7), FREE._replace(pk=3)],
        {FREE.place: Stock(3, 3, 0)}, {1: Ward(1, True)}, PLAN, most=10,
    )  # fmt: skip
    assert found.admitted == [1]
    assert found.waiting == {2: "charge 7 %, needs 50 %", 3: "1 of its ward at once at most"}


_devices = st.builds(
    Candidate,
    pk=st.integers(1, 10_000),
    ward_id=st.integers(1, 3),
    kind=st.sampled_from([CART, TABLET]),
    online=st.booleans(),
    availability=st.sampled_from(["available", "in_use", "charging", "low", "unavailable"]),
    plugged_in=st.sampled_from([True, False, None]),
    soc_pct=st.one_of(st.none(), st.integers(0, 100)),
    idle_s=st.one_of(st.none(), st.integers(0, 2000)),
)


@given(
    st.lists(_devices, max_size=60, unique_by=lambda device: device.pk),
    st.integers(0, 5), st.integers(0, 10), st.integers(1, 40),
)  # fmt: skip
def test_whatever_the_hour_no_ward_gives_more_than_it_can(
    devices: list[Candidate], minimum: int, at_work: int, most: int
) -> None:
    places = {device.place for device in devices}
    stocks = {
        place: Stock(
            devices=sum(device.place == place for device in devices) + at_work,
            free=sum(d.place == place and d.availability == "available" for d in devices),
            at_work=at_work,
        )
        for place in places
    }
    wards = {ward: Ward(minimum, ward != 3) for ward in (1, 2, 3)}
    found = admit(devices, stocks, wards, PLAN, most)
    chosen = [device for device in devices if device.pk in set(found.admitted)]
    assert len(chosen) <= most
    assert set(found.admitted) | set(found.waiting) == {device.pk for device in devices}
    for place in places:
        here = [device for device in chosen if device.place == place]
        stock = stocks[place]
        assert not here or place[0] != 3
        assert not here or stock.at_work + len(here) <= max(stock.devices // 5, 1)
        left = stock.free - sum(device.availability == "available" for device in here)
        assert not here or place[1] == TABLET or left >= minimum
    assert all(d.online and d.plugged_in and (d.soc_pct or 0) >= 50 for d in chosen)
    assert not any(d.availability == "in_use" for d in chosen)
