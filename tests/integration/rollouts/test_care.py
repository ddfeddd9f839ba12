"""What a ward needs its devices for comes before any rollout."""

import pytest

from fleet.services.errors import Conflict
from fleet.services.rollouts.blackout import begin_blackout, end_blackout
from fleet.services.rollouts.care import set_ward_care
from tests.support.rollouts import Carts


def test_a_device_in_use_unplugged_or_low_is_left_alone(carts: Carts) -> None:
    carts.rest(carts.names[:6], availability="in_use")
    carts.rest(carts.names[6:12], plugged_in=False)
    carts.rest(carts.names[12:], soc_pct=30)
    rollout_id = carts.begin(canaries=18)
    carts.turn(times=3)
    assert carts.told_anything() == []
    carts.rest([carts.names[0]])
    carts.rest([carts.names[1]], system={"idle_s": 20})
    carts.turn()
    assert carts.told_anything() == [carts.names[0]]
    assert carts.in_state(rollout_id, "offered") == [carts.names[0]]


def test_of_a_ward_one_at_a_time_and_its_minimum_stays_available(carts: Carts) -> None:
    set_ward_care("ward-2", [], 6, "ada", carts.now)
    rollout_id = carts.begin(canaries=18)
    carts.turn(times=3)
    assert [name.split("-")[1] for name in carts.told_anything()] == ["1", "3"]
    carts.answer_all()
    carts.turn()
    wards = [name.split("-")[1] for name in carts.in_state(rollout_id, "offered")]
    assert wards == ["1", "3"]


def test_a_ward_is_left_alone_outside_its_windows(carts: Carts) -> None:
    for ward in ("ward-1", "ward-2", "ward-3"):
        set_ward_care(ward, ["22:00-05:00"], 1, "ada", carts.now)
    carts.begin()
    carts.turn()
    assert carts.told_anything() == []
    carts.now = carts.now.replace(hour=21, minute=30)
    carts.turn()
    assert len(carts.told_anything()) == 2


def test_the_blackout_stops_every_rollout_and_its_end_lets_it_go_on(carts: Carts) -> None:
    carts.begin()
    begin_blackout("mass casualty", "user:eve", carts.now)
    carts.go_well(turns=5)
    assert carts.told_anything() == []
    with pytest.raises(Conflict):
        begin_blackout("again", "user:eve", carts.now)
    end_blackout("user:eve", carts.now)
    carts.turn()
    assert len(carts.told_anything()) == 2
