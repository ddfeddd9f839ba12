"""What follows a call to charge: it is said once more, it ends, and it was right or it was not."""

from datetime import datetime, timedelta

from fleet.domain.condition import Condition
from fleet.domain.words import Outcome

ESCALATED_AFTER = timedelta(minutes=20)
"""A nurse who is with a patient cannot come at once."""
IGNORED_AFTER = timedelta(hours=12)
"""A call that nobody followed for so long, and no death proved right, was ignored."""
DEAD_PCT = 2
"""Here devices switch off; the last percents of a gauge are a guess."""
RIGHT_WITHIN = timedelta(hours=3)
"""A call is believed if the device had not been good for longer than this from the call on."""


def escalates(condition: Condition, raised_at: datetime, now: datetime) -> bool:
    """Whether an open call is to be said once more, louder: nobody came, or the reserve is used."""
    if condition.charging or not condition.needs_charging:
        return False
    return now - raised_at >= ESCALATED_AFTER or condition.runtime_min == 0


def outcome(
    condition: Condition, silent: bool, raised_at: datetime, now: datetime
) -> Outcome | None:
    """What became of a call by the newest condition, None as long as that is open.

    The first word stands: a device that died and is charged then has died. `silent`: not heard of
    any more; it is taken for dead once its charge cannot have lasted.
    """
    if condition.charging:
        return Outcome.CHARGED
    if condition.soc_pct is not None and condition.soc_pct <= DEAD_PCT:
        return Outcome.DIED
    empty_at = condition.empty_at
    if silent and empty_at is not None and now >= empty_at:
        return Outcome.DIED
    if now - raised_at >= IGNORED_AFTER or not condition.needs_charging:
        return Outcome.IGNORED
    return None


def was_right(became: Outcome, condition: Condition, raised_at: datetime) -> bool:
    """Whether the call is one to believe, by the condition that ended it.

    One that died: yes. One that was charged: if in use it had been empty soon after the call.
    """
    if became != Outcome.CHARGED:
        return became == Outcome.DIED
    return condition.empty_at is not None and condition.empty_at <= raised_at + RIGHT_WITHIN
