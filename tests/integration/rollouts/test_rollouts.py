"""A profile version rolled out: ring by ring, and what stops it."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from fleet.domain.words import Scope
from fleet.services.api_tokens import create_api_token
from fleet.services.assign_profile import assign_profile
from fleet.services.errors import Conflict, Invalid, StaleVersion
from fleet.services.rollouts.approve import approve_rollout
from fleet.services.rollouts.blackout import begin_blackout, end_blackout
from fleet.services.rollouts.care import set_ward_care
from fleet.services.rollouts.roll_back import roll_back
from fleet.services.rollouts.steer import cancel_rollout, pause_rollout, resume_rollout
from fleet.store.database import db, transaction
from fleet.store.models import Assignment, AuditEntry, Device, ProfilePin, RolloutDevice
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


def test_while_it_runs_nobody_assigns_anything_else_there(carts: Carts) -> None:
    carts.begin()
    with pytest.raises(Conflict, match="rollout 1 is changing this assignment"):
        assign_profile("carts", 3, Scope.SITE, "lindenhof", "user:ada", carts.now)
    with pytest.raises(Conflict, match="rollout 1 is there already"):
        carts.propose(version=3)


def test_a_device_with_an_assignment_of_its_own_is_none_of_it(carts: Carts) -> None:
    own = carts.names[0]
    assign_profile("carts", 3, Scope.DEVICE, own, "user:ada", carts.now)
    rollout_id = carts.begin()
    assert own not in carts.jobs(rollout_id)
    carts.go_well(turns=40)
    assert carts.timeouts()[own] == 30


def test_a_device_back_after_a_month_gets_the_right_thing_at_once(carts: Carts) -> None:
    away, taken = carts.names[5], carts.names[4]
    carts.rest([away], online=False, last_seen_at=carts.now - timedelta(days=2))
    carts.rest([taken], availability="in_use")
    rollout_id = carts.begin()
    carts.go_well(turns=60)
    assert carts.in_state(rollout_id, "queued") == sorted([away, taken])
    carts.now += timedelta(days=14)
    carts.turn(times=3)
    assert carts.rollout(rollout_id).state == "completed"
    assert carts.in_state(rollout_id, "missed") == sorted([away, taken])
    assert carts.timeouts()[away] == 60, "what waits for it at the broker is the new version"
    assert carts.timeouts()[taken] == 120, "it is in a nurse's hands still"
    carts.rest([taken])
    carts.turn()
    assert carts.timeouts()[taken] == 60
    assert carts.in_state(rollout_id, "missed") == sorted([away, taken])


def test_nothing_stands_for_ever(carts: Carts) -> None:
    carts.rest(online=False)
    rollout_id = carts.begin()
    carts.turn()
    carts.now += timedelta(days=14)
    carts.turn()
    assert carts.rollout(rollout_id).state == "cancelled"
    assert set(carts.jobs(rollout_id).values()) == {"cancelled"}


def test_control_21_who_starts_a_rollout_cannot_approve_it(carts: Carts) -> None:
    rollout_id = carts.propose(actor="user:ada")
    with pytest.raises(Conflict, match="cannot approve"):
        approve_rollout(rollout_id, "user:ada", carts.now)
    create_api_token("hers", ("read", "write"), None, "user:ada", carts.now)
    with pytest.raises(Conflict, match="cannot approve"):
        approve_rollout(rollout_id, "token/1", carts.now)
    by_token = carts.propose(version=2, scope="ward", key="ward-1", actor="token/1")
    with pytest.raises(Conflict, match="cannot approve"):
        approve_rollout(by_token, "user:ada", carts.now)
    approve_rollout(rollout_id, "user:bob", carts.now)
    assert carts.rollout(rollout_id).state == "running"


def test_what_cannot_be_rolled_out_is_told_field_by_field(carts: Carts) -> None:
    with pytest.raises(Invalid, match="version: no version 9"):
        carts.propose(version=9)
    with pytest.raises(Invalid, match="version: version 1 is assigned"):
        carts.propose(version=1)
    with pytest.raises(Invalid, match=r"plan.canaries: from 1 to 100"):
        carts.propose(canaries=0)
    with pytest.raises(Invalid, match="no such ward"):
        carts.propose(scope="ward", key="ward-9")


def test_every_step_is_in_the_audit(carts: Carts) -> None:
    rollout_id = carts.begin()
    carts.go_well(turns=3)
    pause_rollout(rollout_id, "user:ada", carts.now)
    query = select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)
    entries = [tuple(row) for row in db.session.execute(query) if row[0].startswith("rollout.")]
    assert entries[:4] == [
        ("rollout.propose", "user:ada"), ("rollout.running", "user:bob"),
        ("rollout.offer", "schedule"), ("rollout.ring_pass", "schedule"),
    ]  # fmt: skip
    assert entries[-1] == ("rollout.paused", "user:ada")


def test_of_two_who_steer_at_once_one_is_told(carts: Carts) -> None:
    rollout_id = carts.begin()
    version = carts.rollout(rollout_id).version
    pause_rollout(rollout_id, "user:ada", carts.now, version)
    with pytest.raises(StaleVersion):
        cancel_rollout(rollout_id, "user:bob", carts.now, version)
    assert carts.rollout(rollout_id).state == "paused"


def test_canaries_that_are_away_for_days_keep_nothing_waiting(carts: Carts) -> None:
    rollout_id = carts.begin(canaries=3)
    carts.turn()
    first, second, away = carts.told_anything()
    carts.answer(first)
    carts.answer(second)
    carts.turn()
    pause_rollout(rollout_id, "user:ada", carts.now)
    with transaction() as session:
        job = session.scalars(
            select(RolloutDevice).join(Device).where(Device.device_id == away)
        ).one()
        job.state = "queued"
    carts.rest([away], online=False, last_seen_at=carts.now - timedelta(hours=20))
    resume_rollout(rollout_id, "user:ada", carts.now)
    carts.forget_words()
    carts.turn(times=4, minutes=11)
    assert carts.told_anything() == []
    carts.now += timedelta(hours=4)
    carts.turn(times=4, minutes=11)
    assert len(carts.told_anything()) > 0
