"""Rollouts have their time too: but for what any device still depends on, on both databases."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from fleet.domain.retention import CLASSES, Ages, Kept
from fleet.services import retention
from fleet.services.retention import forget_old
from fleet.services.rollouts.blackout import begin_blackout, end_blackout
from fleet.services.rollouts.roll_back import roll_back
from fleet.services.rollouts.steer import halt_rollout
from fleet.store.database import db
from fleet.store.models import (
    Alert,
    AuditEntry,
    Blackout,
    ProfilePin,
    Rollout,
    RolloutDevice,
    RolloutRing,
)
from tests.support.rollouts import Carts

DAY = timedelta(days=1)
EVER = timedelta(20_000)
AGES: Ages = dict.fromkeys((c.kept for c in CLASSES), EVER) | {Kept.ROLLOUTS: 30 * DAY}


def count(*models: type) -> list[int]:
    db.session.rollback()
    return [db.session.scalar(select(func.count()).select_from(model)) or 0 for model in models]


def test_an_ended_rollout_goes_with_its_devices_and_its_alert_and_the_audit_stays(
    carts: Carts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 5)
    rollout_id = carts.begin()
    halt_rollout(rollout_id, "user:ada", carts.now)
    roll_back(rollout_id, "user:ada", carts.now)
    carts.go_well(turns=3)
    (entries,) = count(AuditEntry)
    forget_old(AGES, carts.now + 29 * DAY)
    assert count(Rollout, RolloutDevice, Alert) == [2, 18, 1]
    forget_old(AGES, carts.now + 31 * DAY)
    assert count(Rollout, RolloutRing, RolloutDevice, Alert) == [0, 0, 0, 0]
    assert count(AuditEntry) == [entries]


def test_one_that_has_not_ended_is_never_forgotten(carts: Carts) -> None:
    carts.propose()
    forget_old(AGES, carts.now + 400 * DAY)
    assert count(Rollout) == [1]


def test_one_that_is_the_reason_of_a_devices_version_stays_until_it_is_not(carts: Carts) -> None:
    carts.begin(ends_after_days=2, success_pct=50)
    carts.turn()
    late = next(name for name in carts.names if name not in carts.told_anything())
    carts.answer_all()
    carts.forget_words()
    carts.rest([late], availability="in_use")
    carts.go_well(turns=40)
    carts.rest([late], availability="in_use")
    carts.turn(times=3, minutes=2 * 24 * 60)
    assert carts.timeouts()[late] == 120
    forget_old(AGES, carts.now + 31 * DAY)
    assert count(Rollout, ProfilePin, RolloutDevice) == [1, 1, 18]
    assert carts.timeouts()[late] == 120
    carts.rest([late])
    carts.turn()
    assert carts.timeouts()[late] == 60
    forget_old(AGES, carts.now + 31 * DAY)
    assert count(Rollout, ProfilePin, RolloutDevice) == [0, 0, 0]
    assert carts.timeouts()[late] == 60


def test_a_blackout_that_is_on_stays(carts: Carts) -> None:
    begin_blackout("mass casualty", "user:eve", carts.now)
    end_blackout("user:eve", carts.now)
    begin_blackout("another", "user:eve", carts.now)
    forget_old(AGES, carts.now + 31 * DAY)
    db.session.rollback()
    assert [each.reason for each in db.session.scalars(select(Blackout))] == ["another"]
