"""People pause, resume, roll back and end a rollout."""

import pytest
from sqlalchemy import select

from fleet.domain.words import Scope
from fleet.services.assign_profile import assign_profile
from fleet.services.errors import StaleVersion
from fleet.services.rollouts.roll_back import roll_back
from fleet.services.rollouts.steer import cancel_rollout, pause_rollout, resume_rollout
from fleet.store.database import db
from fleet.store.models import Assignment, ProfilePin
from tests.support.rollouts import Carts


def test_paused_offers_nothing_and_counts_what_devices_report(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.turn()
    pause_rollout(rollout_id, "user:ada", carts.now)
    carts.go_well(turns=8)
    assert len(carts.in_state(rollout_id, "succeeded")) == 2
    assert len(carts.in_state(rollout_id, "queued")) == 16
    resume_rollout(rollout_id, "user:ada", carts.now)
    carts.go_well(turns=40)
    assert carts.rollout(rollout_id).state == "completed"


def test_resumed_after_a_look_it_goes_on_in_spite_of_that_failure(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.turn()
    bad, good = carts.told_anything()
    carts.answer(bad, screen_timeout_s=5)
    carts.answer(good)
    carts.turn()
    assert carts.rollout(rollout_id).state == "halted"
    resume_rollout(rollout_id, "user:ada", carts.now)
    carts.go_well(turns=40)
    assert carts.rollout(rollout_id).state == "completed"
    assert carts.in_state(rollout_id, "failed") == [bad]


def test_rolled_back_everybody_who_was_told_gets_the_former_version(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.go_well(turns=5)
    succeeded = carts.in_state(rollout_id, "succeeded")
    at_work = carts.in_state(rollout_id, "offered")
    assert len(succeeded) >= 2
    carts.forget_words()
    silent = succeeded[0]
    carts.rest([silent], online=False)
    carts.rest([succeeded[1]], availability="in_use")
    back = roll_back(rollout_id, "user:ada", carts.now)
    carts.turn()
    assert carts.timeouts()[silent] == 120, "it must not come back to the wrong version"
    assert carts.timeouts()[succeeded[1]] == 60, "nobody takes a cart out of a nurse's hands"
    carts.rest([succeeded[1]])
    carts.go_well(turns=20)
    assert carts.rollout(rollout_id).state == "rolled_back"
    assert carts.rollout(back).state == "completed"
    assert set(carts.timeouts().values()) == {120}
    assert carts.in_state(rollout_id, "rolled_back") == at_work
    assert carts.in_state(rollout_id, "queued", "offered") == []
    assert db.session.scalars(select(ProfilePin)).all() == []


def test_a_completed_rollout_can_be_rolled_back_too(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.go_well(turns=40)
    back = roll_back(rollout_id, "user:ada", carts.now)
    carts.go_well(turns=20)
    assert carts.rollout(back).state == "completed"
    assert set(carts.timeouts().values()) == {120}
    assert db.session.scalars(select(Assignment)).one().profile_version.number == 1


def test_cancelled_who_has_it_keeps_it_until_something_else_is_assigned(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.go_well(turns=2)
    cancel_rollout(rollout_id, "user:ada", carts.now)
    carts.turn(times=2)
    assert sorted(carts.timeouts().values()) == [60] * 2 + [120] * 16
    assert set(carts.jobs(rollout_id).values()) == {"succeeded", "cancelled"}
    assign_profile("carts", 3, Scope.SITE, "lindenhof", "user:ada", carts.now)
    assert set(carts.timeouts().values()) == {30}


def test_of_two_who_steer_at_once_one_is_told(carts: Carts) -> None:
    rollout_id = carts.begin()
    version = carts.rollout(rollout_id).version
    pause_rollout(rollout_id, "user:ada", carts.now, version)
    with pytest.raises(StaleVersion):
        cancel_rollout(rollout_id, "user:bob", carts.now, version)
    assert carts.rollout(rollout_id).state == "paused"
