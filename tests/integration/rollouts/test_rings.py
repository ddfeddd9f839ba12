"""A profile version rolled out: ring by ring, and what stops it."""

from sqlalchemy import select

from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile
from fleet.store.database import db
from fleet.store.models import Assignment, ProfilePin, RolloutDevice
from tests.support.rollouts import Carts


def test_a_rollout_goes_from_canaries_in_different_wards_to_every_device(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.turn()
    canaries = carts.told_anything()
    assert len({name.split("-")[1] for name in canaries}) == len(canaries) == 2
    carts.turn(minutes=5)
    assert carts.told_anything() == canaries
    carts.go_well(turns=40)
    assert carts.rollout(rollout_id).state == "completed"
    assert set(carts.jobs(rollout_id).values()) == {"succeeded"}
    assert set(carts.timeouts().values()) == {60}
    assert db.session.scalars(select(Assignment)).one().profile_version.number == 2
    assert db.session.scalars(select(ProfilePin)).all() == []


def test_the_next_ring_waits_for_reports_and_for_the_soak(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.turn(times=3, minutes=1)
    assert len(carts.in_state(rollout_id, "offered")) == 2
    carts.answer_all()
    carts.forget_words()
    carts.turn(times=2, minutes=1)
    assert len(carts.in_state(rollout_id, "succeeded")) == 2
    carts.turn(times=2, minutes=4)
    assert carts.told_anything() == []
    carts.turn(times=2, minutes=2)
    assert len(carts.told_anything()) > 0


def test_a_failed_canary_halts_and_its_reason_is_told(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.turn()
    bad = carts.told_anything()[0]
    carts.answer(bad, screen_timeout_s=5)
    carts.forget_words()
    carts.turn(minutes=1)
    assert carts.in_state(rollout_id, "failed") == [bad]
    rollout = carts.rollout(rollout_id)
    assert (rollout.state, rollout.reason) == ("halted", "1 of the canaries failed")
    carts.go_well(turns=10)
    assert carts.told_anything() == []
    reasons = select(RolloutDevice.reason).where(RolloutDevice.state == "failed")
    assert db.session.scalar(reasons) == "settings.screen_timeout_s"


def test_a_canary_that_says_nothing_until_its_deadline_has_failed_too(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.turn()
    carts.turn(minutes=29)
    assert len(carts.in_state(rollout_id, "offered")) == 2
    carts.turn(minutes=1)
    assert len(carts.in_state(rollout_id, "timed_out")) == 2
    assert carts.rollout(rollout_id).state == "halted"


def test_a_device_with_an_assignment_of_its_own_is_none_of_it(carts: Carts) -> None:
    own = carts.names[0]
    assign_profile("carts", 3, Scope.DEVICE, own, "user:ada", carts.now)
    rollout_id = carts.begin()
    assert own not in carts.jobs(rollout_id)
    carts.go_well(turns=40)
    assert carts.timeouts()[own] == 30
