"""When a delivery that was not taken is tried again, and when no more."""

from datetime import timedelta

GIVEN_UP_AFTER = timedelta(days=1)
SUSPECT_AFTER = 3
"""So often one is tried before the next ones: then it is looked whether it alone is the trouble."""
_FIRST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=2)
"""A pager that is back shall not wait for long; one knock in two minutes burdens nobody."""
_LONGEST_ASIDE = timedelta(hours=1)


def rest(failures: int) -> timedelta:
    """How long a receiver is left alone after so many failures in a row: 5 s, 10 s, ... 2 min."""
    return min(_doubled(failures), _LONGEST_REST)


def aside(tries: int) -> timedelta:
    """When a delivery is tried again that was not taken although later ones were: to an hour."""
    return min(_doubled(tries), _LONGEST_ASIDE)


def _doubled(times: int) -> timedelta:
    return _FIRST * (1 << min(max(times, 1) - 1, 20))
