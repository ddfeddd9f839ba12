"""Maintenance windows by the hospital's clock, over midnight and over both changes of time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fleet.domain.rollout.windows import is_open, parse, problem_with

BERLIN = ZoneInfo("Europe/Berlin")
NOTHING = timedelta(0)


def opens(text: str, moment: str, lead: timedelta = NOTHING) -> bool:
    """`moment`: in UTC."""
    now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return is_open([parse(part) for part in text.split(", ")], BERLIN, now, lead)


def test_a_window_holds_by_the_hospitals_clock_from_its_start_to_just_before_its_end() -> None:
    assert not opens("22:00-23:00", "2026-11-24 20:59")
    assert opens("22:00-23:00", "2026-11-24 21:00")
    assert not opens("22:00-23:00", "2026-11-24 22:00")
    assert opens("00:00-24:00", "2026-11-24 23:30")


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    friday = "fri 22:00-05:00"
    assert opens(friday, "2026-11-27 21:30")
    assert opens(friday, "2026-11-28 03:30")
    assert not opens(friday, "2026-11-27 03:30")
    assert not opens(friday, "2026-11-28 21:30")


def test_days_may_go_round_the_week() -> None:
    assert opens("sat-mon 10:00-11:00", "2026-11-30 09:30")
    assert opens("sat-mon 10:00-11:00", "2026-11-29 09:30")
    assert not opens("sat-mon 10:00-11:00", "2026-12-01 09:30")


def test_in_the_night_of_spring_the_skipped_hour_has_no_window() -> None:
    for minute in range(0, 24 * 60, 5):
        moment = datetime(2026, 3, 28, 12, tzinfo=UTC) + timedelta(minutes=minute)
        assert not is_open([parse("02:00-03:00")], BERLIN, moment, NOTHING)
    # 01:30 to 03:30 by the clock is one hour then.
    assert opens("01:30-03:30", "2026-03-29 00:30")
    assert opens("01:30-03:30", "2026-03-29 01:29")
    assert not opens("01:30-03:30", "2026-03-29 01:30")


def test_in_the_night_of_autumn_a_window_begins_and_ends_once() -> None:
    # 02:15 comes at 00:15 and at 01:15 UTC.
    assert opens("02:15-02:45", "2026-10-25 00:20")
    assert not opens("02:15-02:45", "2026-10-25 01:20")
    assert opens("01:00-03:30", "2026-10-25 01:59")
    assert not opens("01:00-03:30", "2026-10-25 02:30")


def test_nothing_begins_that_would_not_end_within_the_window() -> None:
    ten = timedelta(minutes=10)
    assert opens("22:00-23:00", "2026-11-24 21:50", ten)
    assert not opens("22:00-23:00", "2026-11-24 21:51", ten)
    assert opens("22:00-23:00, 23:00-23:30", "2026-11-24 21:55", ten)


def test_a_ward_without_windows_is_open_at_any_time() -> None:
    assert is_open([], BERLIN, datetime(2026, 11, 24, tzinfo=UTC), timedelta(hours=9))


@pytest.mark.parametrize(
    "text", ["", "22:00", "22:00-22:00", "25:00-26:00", "22:00 - 05:00", "day 1:00-2:00",
             "Mon 22:00-05:00", "22:00-24:30", "mon-  22:00-23:00"],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_what_would_be_right(text: str) -> None:
    problem = problem_with(["01:00-02:00", text])
    assert problem
    assert "22:00-05:00" in problem or "00:00-24:00" in problem
    assert problem_with(["mon-fri 22:00-05:00"]) is None
