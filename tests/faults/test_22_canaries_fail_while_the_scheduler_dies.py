"""Fault 22: failing canaries while the scheduler dies. No offers beyond the ring; paused stays so.

The scheduler dies inside its turn, at every statement in turn, and another goes on.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.services.rollouts.steer import pause_rollout
from fleet.store.database import db
from tests.support.rollouts import Carts


class Died(BaseException):
    """As a process that is no more: nobody catches it."""


@pytest.fixture
def carts(worker: Flask) -> Iterator[Carts]:
    with worker.app_context():
        made = Carts()
        made.forget_words()
        yield made


def die_at(carts: Carts, statement: int) -> bool:
    """A turn that ends before its statement of that number; whether it came so far."""
    seen = 0

    def before(*_args: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == statement:
            raise Died

    event.listen(db.engine, "before_cursor_execute", before)
    try:
        plan_rollouts(carts.now)
    except Died:
        return True
    finally:
        event.remove(db.engine, "before_cursor_execute", before)
        db.session.rollback()
    return False


def test_fault_22_a_scheduler_that_dies_anywhere_offers_nobody_anything_twice_or_beyond(
    carts: Carts,
) -> None:
    rollout_id = carts.begin()
    statement = 1
    while die_at(carts, statement):
        assert len(carts.told_anything()) in (0, 2)
        statement += 1
    assert statement > 10
    canaries = carts.told_anything()
    assert canaries == carts.in_state(rollout_id, "offered")
    assert len(canaries) == 2
    carts.answer(canaries[0], screen_timeout_s=5)
    carts.answer(canaries[1])
    carts.forget_words()
    statement = 1
    while die_at(carts, statement):
        statement += 1
    carts.turn(times=20, minutes=10)
    assert carts.rollout(rollout_id).state == "halted"
    assert carts.told_anything() == []
    assert len(carts.in_state(rollout_id, "queued")) == 16


def test_fault_22_paused_stays_paused_whoever_dies(carts: Carts) -> None:
    rollout_id = carts.begin()
    pause_rollout(rollout_id, "user:ada", carts.now)
    for statement in range(1, 30):
        die_at(carts, statement)
    carts.turn(times=5, minutes=60)
    assert carts.rollout(rollout_id).state == "paused"
    assert carts.told_anything() == []
