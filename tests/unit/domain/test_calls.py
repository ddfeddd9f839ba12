from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.calls import escalates, outcome, was_right
from fleet.domain.condition import Condition
from fleet.domain.words import Outcome

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
OPEN = Condition(soc_pct=15, needs_charging=True, runtime_min=50, empty_min=60, sampled_at=NOON)


def later(**passed: int) -> datetime:
    return NOON + timedelta(**passed)


def test_a_call_is_said_once_more_after_twenty_minutes_or_in_the_reserve() -> None:
    assert not escalates(OPEN, NOON, later(minutes=19))
    assert escalates(OPEN, NOON, later(minutes=20))
    assert escalates(OPEN._replace(runtime_min=0), NOON, later(minutes=1))


def test_a_call_that_was_followed_is_never_escalated() -> None:
    charging = OPEN._replace(charging=True, needs_charging=False)
    assert not escalates(charging, NOON, later(hours=3))


@pytest.mark.parametrize(
    ("condition", "silent", "now", "became"),
    [
        (OPEN, False, later(hours=1), None),
        (OPEN._replace(charging=True), False, later(hours=1), Outcome.CHARGED),
        (OPEN._replace(soc_pct=2), False, later(hours=1), Outcome.DIED),
        (OPEN, True, later(minutes=59), None),
        (OPEN, True, later(minutes=60), Outcome.DIED),
        (OPEN, False, later(hours=12), Outcome.IGNORED),
        (OPEN._replace(needs_charging=False), False, later(hours=1), Outcome.IGNORED),
    ],
)
def test_what_became_of_a_call(
    condition: Condition, silent: bool, now: datetime, became: Outcome | None
) -> None:
    assert outcome(condition, silent, NOON, now) == became


def test_a_call_is_right_where_it_died_or_had_soon_been_empty() -> None:
    assert was_right(Outcome.DIED, OPEN, NOON)
    assert not was_right(Outcome.IGNORED, OPEN, NOON)
    assert was_right(Outcome.CHARGED, OPEN, NOON)
    assert not was_right(Outcome.CHARGED, OPEN._replace(empty_min=181), NOON)
    assert not was_right(Outcome.CHARGED, OPEN._replace(empty_min=None), NOON)
