"""Who has missed a firmware rollout, or fell silent in it, and gets its release still."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from fleet.services.decommission_device import decommission_device
from fleet.services.rollouts import releases
from fleet.services.rollouts.steer import cancel_rollout
from fleet.store.database import db
from tests.support.firmware_rollouts import FirmwareCarts
from tests.support.plans import plans_of


@pytest.fixture
def carts(worker: Flask, tmp_path: Path) -> Iterator[FirmwareCarts]:
    with worker.app_context():
        yield FirmwareCarts(worker, tmp_path / "workshop")


def test_one_that_only_waits_for_a_safe_moment_has_missed_it_and_gets_it_in_the_next(
    carts: FirmwareCarts,
) -> None:
    rollout_id = carts.begin(canaries=1, shares=[100])
    carts.turn()
    ((name, offer),) = carts.offers().items()
    assert offer is not None
    carts.report(name, offer["job_id"], "waiting", reason="not_ready", detail="somebody uses it")
    carts.rest([name], availability="in_use")
    carts.turn(minutes=31)
    assert carts.in_state(rollout_id, "missed") == [name]
    assert carts.offer(name) is None
    carts.report(name, offer["job_id"], "cancelled", reason="taken_back")
    carts.forget_words()
    carts.turn(times=2, minutes=5)
    assert name not in carts.offers()
    carts.rest([name])
    carts.turn()
    again = carts.offer(name)
    assert again is not None
    assert again["job_id"] != offer["job_id"]
    carts.turn(times=3, minutes=5)
    assert carts.offer(name) == again
    carts.install(name)
    carts.forget_words()
    carts.turn(times=3, minutes=61)
    assert name not in carts.offers()


def test_back_after_a_month_a_device_gets_the_release_at_its_first_safe_moment(
    carts: FirmwareCarts,
) -> None:
    away = carts.names[0]
    carts.rest([away], online=False, last_seen_at=carts.now - timedelta(days=2))
    rollout_id = carts.begin(ends_after_days=1)
    carts.firmware_goes_well(turns=60, minutes=60)
    assert carts.rollout(rollout_id).state == "completed"
    assert carts.in_state(rollout_id, "missed") == [away]
    carts.now += timedelta(days=30)
    carts.turn()
    assert carts.offers() == {}
    carts.rest([away], plugged_in=False)
    carts.turn()
    assert carts.offers() == {}
    carts.rest([away])
    carts.turn()
    assert list(carts.offers()) == [away]


def test_an_offer_that_nobody_answers_is_said_again_while_the_device_is_online(
    carts: FirmwareCarts,
) -> None:
    carts.begin(canaries=1)
    carts.turn()
    ((name, offer),) = carts.offers().items()
    carts.forget_words()
    carts.turn(times=4, minutes=1)
    assert carts.offers() == {}
    carts.turn(minutes=1)
    again = carts.offer(name)
    assert again is not None
    assert again["job_id"] == offer["job_id"]  # type: ignore[index]


def test_a_cancelled_rollout_is_not_served_late_and_a_decommissioned_device_is_forgotten(
    carts: FirmwareCarts,
) -> None:
    rollout_id = carts.begin(canaries=1)
    carts.turn()
    (name,) = carts.offers()
    carts.turn(minutes=31)
    assert carts.in_state(rollout_id, "timed_out") == [name]
    cancel_rollout(rollout_id, "user:ada", carts.now)
    carts.forget_words()
    carts.turn(times=3, minutes=61)
    assert carts.offers() == {}
    decommission_device(name, "user:ada", carts.now)
    assert carts.offers() == {name: None}


def test_latecomers_of_years_are_found_by_an_index_of_their_own(carts: FirmwareCarts) -> None:
    (plan,) = plans_of(lambda: releases.late_rollouts(db.session(), carts.now))
    assert any("ix_rollout_device_late" in step for step in plan), plan


def test_those_who_come_late_are_no_more_of_a_ward_at_once_than_others(
    carts: FirmwareCarts,
) -> None:
    rollout_id = carts.begin(canaries=18, ends_after_days=1)
    carts.rest(availability="in_use")
    carts.now += timedelta(days=2)
    carts.turn(times=4, minutes=1)
    assert set(carts.jobs(rollout_id).values()) == {"missed"}
    carts.rest()
    carts.turn(times=5, minutes=1)
    offered = carts.offers()
    assert sorted(name.split("-")[1] for name in offered) == ["1", "2", "3"]
    for name, offer in offered.items():
        assert offer is not None
        carts.report(name, offer["job_id"], "rebooting")
    carts.turn(times=3, minutes=5)
    assert carts.offers() == offered
    carts.install_all()
    carts.turn()
    assert len(carts.offers()) == 3
    assert not offered.keys() & carts.offers().keys()


def test_who_is_at_work_late_gets_no_second_job_and_counts_for_other_rollouts(
    carts: FirmwareCarts,
) -> None:
    carts.begin(scope="ward", key="ward-1", canaries=6, ends_after_days=1)
    carts.rest(availability="in_use")
    carts.now += timedelta(days=2)
    carts.turn(times=4, minutes=1)
    carts.rest()
    carts.turn()
    (late,) = carts.offers()
    profile = carts.begin_profile(2, canaries=18)
    carts.turn(times=3)
    working = carts.in_state(profile, "offered")
    assert late not in working
    assert [name.split("-")[1] for name in working] == ["2", "3"]
