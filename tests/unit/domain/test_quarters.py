"""Quarters of the year, and counts that come with an interval."""

from datetime import date

import pytest

from fleet.domain.battery.needs import Count
from fleet.domain.battery.quarters import Quarter


@pytest.mark.parametrize(
    ("day", "quarter", "first", "last"),
    [
        (date(2026, 11, 24), "Q4 2026", date(2026, 10, 1), date(2026, 12, 31)),
        (date(2027, 1, 1), "Q1 2027", date(2027, 1, 1), date(2027, 3, 31)),
        (date(2028, 6, 30), "Q2 2028", date(2028, 4, 1), date(2028, 6, 30)),
        (date(2026, 9, 30), "Q3 2026", date(2026, 7, 1), date(2026, 9, 30)),
    ],
)
def test_a_day_lies_in_its_quarter(day: date, quarter: str, first: date, last: date) -> None:
    found = Quarter.of(day)
    assert (str(found), found.first, found.last) == (quarter, first, last)


def test_after_the_last_quarter_comes_the_first_of_the_next_year() -> None:
    assert str(Quarter(2026, 4).following) == "Q1 2027"


def test_a_count_says_its_interval_only_where_it_is_unsure() -> None:
    assert str(Count(7, 4, 11)) == "7, between 4 and 11"
    assert str(Count(3, 3, 3)) == "3"
    assert Count(1, 0, 2).plus(Count(2, 2, 2)) == Count(3, 2, 4)
