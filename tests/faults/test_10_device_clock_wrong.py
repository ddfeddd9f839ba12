"""Fault 10: a device's clock is off by a year, at 1970, or steps back.

Its latest state and its offline deadline are as with a right clock, and IT sees that it is wrong.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from flask import Flask

from fleet.domain.presence import offline_deadline
from fleet.services.silence import mark_silent
from tests.support.hospital import (
    NOON,
    build_hospital,
    reading,
    say,
    seconds,
    state,
    telemetry,
)

EVERY_S = 15
YEAR = timedelta(days=365)
HOUR = timedelta(hours=1)
EPOCH = NOON.replace(year=1970)


@pytest.fixture(autouse=True)
def hospital(worker: Flask) -> Iterator[None]:
    with worker.app_context():
        build_hospital()
        yield


def report(seq: int, soc: int, clock: datetime, uptimes: bool) -> datetime:
    """Reading `seq` of a device whose clock says `clock`; returns when it was heard."""
    heard_at = NOON + seconds(EVERY_S * seq)
    up = EVERY_S * seq
    sample = reading(seq, soc=soc, at=clock, clock=None)
    if uptimes:
        say("telemetry", telemetry(sample | {"uptime_s": up}, uptime_s=up), heard_at)
    else:
        say("telemetry", telemetry(sample), heard_at)
    return heard_at


@pytest.mark.parametrize("uptimes", [True, False], ids=["with uptimes", "without"])
@pytest.mark.parametrize("wrong", [NOON + YEAR, EPOCH], ids=["a year ahead", "1970"])
def test_a_plainly_wrong_clock_is_flagged_and_changes_nothing_else(
    wrong: datetime, uptimes: bool
) -> None:
    for seq in (1, 2, 3):
        heard_at = report(seq, 90 - seq, wrong + seconds(seq), uptimes)
        assert (state().seq, state().soc_pct, state().availability) == (seq, 90 - seq, "available")
        assert (state().sampled_at, state().clock_ok) == (heard_at, False)
    goes_offline_at_its_deadline(heard_at)


@pytest.mark.parametrize("back", [YEAR, HOUR], ids=["a year behind", "an hour back"])
def test_a_clock_that_steps_back_is_flagged_by_the_uptimes(back: timedelta) -> None:
    report(1, 90, NOON + seconds(EVERY_S), uptimes=True)
    assert state().clock_ok
    heard_at = report(2, 80, NOON + seconds(2 * EVERY_S) - back, uptimes=True)
    assert (state().seq, state().soc_pct, state().availability) == (2, 80, "available")
    assert (state().sampled_at, state().clock_ok) == (heard_at, False)
    goes_offline_at_its_deadline(heard_at)
    back_in_step = report(9, 70, NOON + seconds(9 * EVERY_S), uptimes=True)
    assert (state().sampled_at, state().clock_ok) == (back_in_step, True)


def goes_offline_at_its_deadline(heard_at: datetime) -> None:
    deadline = offline_deadline(heard_at, EVERY_S)
    assert mark_silent(deadline - seconds(1)) == 0
    assert mark_silent(deadline) == 1
