"""A rollout that has stopped is an alert, as long as it has, on both databases."""

import pytest
from sqlalchemy import event, select

from fleet.domain.words import AlertKind, AlertState
from fleet.services.acknowledge_alert import acknowledge_alert
from fleet.services.errors import Conflict
from fleet.services.rollouts.plan_rollouts import plan_rollouts
from fleet.services.rollouts.roll_back import roll_back
from fleet.services.rollouts.steer import (
    cancel_rollout,
    halt_rollout,
    pause_rollout,
    resume_rollout,
)
from fleet.store.database import db
from fleet.store.models import Alert
from fleet.store.queries.alerts import find_alerts, open_by_kind
from tests.support.rollouts import Carts


def alerts() -> list[tuple[int | None, str, str | None]]:
    """Of rollouts, the oldest first: which, state and detail."""
    db.session.rollback()
    of_rollouts = select(Alert).where(Alert.rollout_id.is_not(None))
    found = db.session.scalars(of_rollouts.order_by(Alert.id))
    return [(each.rollout_id, each.state, each.detail) for each in found]


def fail_one(carts: Carts) -> None:
    carts.turn()
    carts.answer(carts.told_anything()[0], screen_timeout_s=5)
    carts.turn(minutes=1)


def test_one_that_halts_itself_is_an_alert_with_the_reason(carts: Carts) -> None:
    rollout_id = carts.begin()
    fail_one(carts)
    assert alerts() == [(rollout_id, "open", "1 of the canaries failed")]
    (row,) = find_alerts(kind=AlertKind.ROLLOUT_HALTED).rows
    assert (row.rollout, row.rollout_slug, row.rollout_version) == (rollout_id, "carts", "2")
    assert (row.device_id, row.ward, row.site) == (None, None, None)
    assert open_by_kind() == {"rollout_halted": 1, "noncompliant": 1}


def test_one_halted_by_hand_is_an_alert_too_and_one_paused_by_hand_is_none(carts: Carts) -> None:
    rollout_id = carts.begin()
    pause_rollout(rollout_id, "user:ada", carts.now)
    assert alerts() == []
    halt_rollout(rollout_id, "user:ada", carts.now)
    assert alerts() == [(rollout_id, "open", "halted by hand")]


def test_acknowledged_it_stands_until_the_rollout_goes_on_and_comes_again_if_it_halts_again(
    carts: Carts,
) -> None:
    rollout_id = carts.begin()
    halt_rollout(rollout_id, "user:ada", carts.now)
    alert_id = db.session.scalars(select(Alert.id)).one()
    acknowledge_alert(alert_id, "user:bob", carts.now)
    with pytest.raises(Conflict):
        acknowledge_alert(alert_id, "user:bob", carts.now)
    carts.turn(times=2, minutes=5)
    assert alerts() == [(rollout_id, "acknowledged", "halted by hand")]
    resume_rollout(rollout_id, "user:ada", carts.now)
    assert alerts() == [(rollout_id, "resolved", "halted by hand")]
    halt_rollout(rollout_id, "user:ada", carts.now, reason="nurses see a grey screen")
    assert alerts()[1:] == [(rollout_id, "open", "nurses see a grey screen")]


@pytest.mark.parametrize("end", [cancel_rollout, roll_back])
def test_it_ends_with_the_rollout(carts: Carts, end: object) -> None:
    rollout_id = carts.begin()
    halt_rollout(rollout_id, "user:ada", carts.now)
    assert callable(end)
    end(rollout_id, "user:ada", carts.now)
    assert [state for _, state, _ in alerts()] == [AlertState.RESOLVED]


def test_nobody_goes_on_with_it_and_its_alert_ends_when_its_time_is_over(carts: Carts) -> None:
    rollout_id = carts.begin(ends_after_days=2)
    halt_rollout(rollout_id, "user:ada", carts.now)
    carts.turn(minutes=2 * 24 * 60)
    assert carts.rollout(rollout_id).state == "cancelled"
    assert [state for _, state, _ in alerts()] == [AlertState.RESOLVED]


def test_a_scheduler_that_dies_as_it_raises_the_alert_has_not_halted_either(carts: Carts) -> None:
    """One transaction: no halt without its alert."""
    rollout_id = carts.begin()
    carts.turn()
    carts.answer(carts.told_anything()[0], screen_timeout_s=5)

    def die(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("INSERT INTO alert"):
            raise KeyboardInterrupt

    event.listen(db.engine, "before_cursor_execute", die)
    try:
        with pytest.raises(KeyboardInterrupt):
            plan_rollouts(carts.now)
    finally:
        event.remove(db.engine, "before_cursor_execute", die)
    assert (carts.rollout(rollout_id).state, alerts()) == ("running", [])
    carts.turn()
    assert (carts.rollout(rollout_id).state, len(alerts())) == ("halted", 1)
