from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from fleet.domain.shift import hour_of_week, shift_end

BERLIN = ZoneInfo("Europe/Berlin")
STARTS = (time(7), time(15), time(23))


def end(now: datetime, *starts: time) -> datetime:
    found = shift_end(now, starts or STARTS, BERLIN)
    assert found is not None
    return found


def test_a_shift_ends_when_the_next_one_starts() -> None:
    assert end(datetime(2026, 11, 24, 9, tzinfo=BERLIN)) == datetime(
        2026, 11, 24, 15, tzinfo=BERLIN
    )
    assert end(datetime(2026, 11, 24, 15, tzinfo=BERLIN)).hour == 23


def test_the_night_shift_ends_on_the_next_day() -> None:
    assert end(datetime(2026, 11, 24, 23, 30, tzinfo=BERLIN)) == datetime(
        2026, 11, 25, 7, tzinfo=BERLIN
    )


def test_the_night_in_which_the_clocks_change_is_longer_or_shorter() -> None:
    for day, hours in ((datetime(2026, 10, 24, 23, tzinfo=BERLIN), 9),
                       (datetime(2026, 3, 28, 23, tzinfo=BERLIN), 7)):  # fmt: skip
        assert end(day).astimezone(UTC) - day.astimezone(UTC) == timedelta(hours=hours)


def test_a_start_that_the_clock_skips_comes_all_the_same() -> None:
    evening = datetime(2026, 3, 28, 23, tzinfo=BERLIN)
    assert end(evening, time(2, 30)).astimezone(UTC) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


def test_without_shifts_there_is_no_end() -> None:
    assert shift_end(datetime(2026, 11, 24, tzinfo=UTC), (), BERLIN) is None


@given(st.integers(0, 10 * 365 * 86_400), st.lists(st.times(), min_size=1, max_size=5))
def test_the_end_is_always_ahead_and_within_little_more_than_a_day(
    passed_s: int, starts: list[time]
) -> None:
    now = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=passed_s)
    assert timedelta(0) < end(now, *starts).astimezone(UTC) - now <= timedelta(hours=26)


def test_the_week_begins_on_monday_by_the_clock_on_the_wall() -> None:
    assert hour_of_week(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), BERLIN) == 0.5
