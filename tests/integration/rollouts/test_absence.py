"""Devices that are away: the rollout neither waits for them for ever nor forgets them."""

from datetime import timedelta

from sqlalchemy import select

from fleet.services.rollouts.steer import pause_rollout, resume_rollout
from fleet.store.database import transaction
from fleet.store.models import Device, RolloutDevice
from tests.support.rollouts import Carts


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
