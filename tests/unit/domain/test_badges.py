"""PINs that will do, and when no more is tried."""

from datetime import UTC, datetime, timedelta

import pytest

from fleet.domain.badges import counts_anew, is_throttled, pin_problem

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.mark.parametrize("pin", ["2580", "19283", "112233", "1357"])
def test_four_to_six_digits_will_do(pin: str) -> None:
    assert pin_problem(pin) is None


@pytest.mark.parametrize(
    "pin", ["123", "1234567", "12a4", "", "0000", "1234", "987654", "٤٥٦٨", " 2580"]
)
def test_what_is_too_short_no_number_or_a_row_is_refused(pin: str) -> None:
    assert pin_problem(pin)


def test_five_within_five_minutes_are_enough() -> None:
    assert not is_throttled(4, NOW, NOW)
    assert is_throttled(5, NOW, NOW + timedelta(minutes=4, seconds=59))
    assert not is_throttled(5, NOW, NOW + timedelta(minutes=5))
    assert counts_anew(NOW, NOW + timedelta(minutes=5))
    assert counts_anew(None, NOW)
    assert not counts_anew(NOW, NOW + timedelta(minutes=4))
